"""What only a monthly digest tells: six months beside one another, targets, speed, corrections."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_
from sqlalchemy.orm import Session

from crm.base.clock import at_civil
from crm.base.periods import Period, PeriodKind
from crm.digests.rules import ending_in
from crm.digests.truncated import Listed
from crm.people.queries import UnitNode
from crm.quotas.frozen import CorrectionFacts, corrections
from crm.quotas.history import outcomes
from crm.quotas.models import Correction
from crm.quotas.permissions import FigureScope, may_be_split
from crm.quotas.queries import PersonFigure, period_kinds
from crm.quotas.rules import FigureBasis, FigureStatus, Rule
from crm.targets.queries import courses, target_progress
from crm.targets.rules import TargetProgress
from crm.targets.speed import Course, Speed

TREND_MONTHS = 6
WITHIN_A_MONTH = (PeriodKind.MONTH, PeriodKind.XUN, PeriodKind.WEEK)


@dataclass(frozen=True)
class MonthFacts:
    """What a monthly digest is made of beside what all digests are."""

    history: Mapping[Period, Sequence[PersonFigure]]  # of the months before, the earliest first
    target_progress: Sequence[TargetProgress]
    courses: Sequence[Course]
    corrections: Sequence[CorrectionFacts]


@dataclass(frozen=True, slots=True)
class TrendCell:
    """How many of those who owed by a rule in a month met it, as frozen and as corrected."""

    met: int
    owing: int
    met_corrected: int
    owing_corrected: int
    is_split: bool = True  # else too few people owe for this reader to have the numbers

    @property
    def is_corrected(self) -> bool:
        """Whether corrections make another figure of it."""
        return (self.met, self.owing) != (self.met_corrected, self.owing_corrected)


@dataclass(frozen=True, slots=True)
class TrendMonth:
    """A month of the trend, and on what its figures rest."""

    period: Period
    basis: FigureBasis


@dataclass(frozen=True, slots=True)
class TrendRow:
    """A unit over the months; none where nobody owed anything."""

    name: str
    cells: tuple[TrendCell | None, ...]


@dataclass(frozen=True, slots=True)
class TrendTable:
    """How the units met one rule, month by month."""

    rule: Rule
    months: tuple[TrendMonth, ...]
    rows: tuple[TrendRow, ...]


@dataclass(frozen=True, slots=True)
class CorrectionLine:
    """A correction of a frozen figure that was signed in the month, or waits for it."""

    facts: CorrectionFacts
    unit_name: str
    is_signed: bool


@dataclass(frozen=True, slots=True)
class MonthPart:
    """What concerns the units that the recipient sees, of a month alone."""

    trend: tuple[TrendTable, ...]
    targets: tuple[TargetProgress, ...]
    speeds: tuple[Speed, ...]
    corrections: Listed[CorrectionLine]  # for the line of command only
    signed: int
    waiting: int


def month_facts(
    db: Session, period: Period, units: Sequence[UnitNode], at: datetime
) -> MonthFacts | None:
    """Read them, for the digest of a month."""
    if period.kind is not PeriodKind.MONTH:
        return None

    return MonthFacts(
        history=_history(db, period, at),
        target_progress=target_progress(
            db,
            units=units,
            seen={one.unit.id for one in units},
            year=period.first.year,
            last=period.last,
            before=period.after.first,
            at=at,
        ),
        courses=courses(db, period, at),
        corrections=_corrections(db, period, at),
    )


def _history(db: Session, period: Period, at: datetime) -> dict[Period, list[PersonFigure]]:
    months = [period.before]
    while len(months) < TREND_MONTHS - 1:
        months.insert(0, months[0].before)
    kinds = set(period_kinds(db)).intersection(WITHIN_A_MONTH)
    parts = {
        month: [part for kind in WITHIN_A_MONTH if kind in kinds for part in ending_in(month, kind)]
        for month in months
    }
    told = outcomes(db, periods=[one for some in parts.values() for one in some], as_of=at)
    return {month: [one for part in some for one in told[part]] for month, some in parts.items()}


def _corrections(db: Session, period: Period, at: datetime) -> list[CorrectionFacts]:
    """What was signed in the month, and what waits at the moment."""
    begins, ends = at_civil(period.first), at_civil(period.after.first)
    waits = Correction.signed_at.is_(None) | (Correction.signed_at > at)
    in_month = (Correction.signed_at >= begins) & (Correction.signed_at < ends)
    return corrections(db, Correction.made_at <= at, or_(waits, in_month))


def correction_lines(
    corrections: Collection[CorrectionFacts], units: Sequence[UnitNode], at: datetime
) -> tuple[CorrectionLine, ...]:
    """Corrections by unit and name."""
    names = {one.unit.id: one.unit.name for one in units}
    place = {one.unit.id: number for number, one in enumerate(units)}
    mine = list(corrections)
    mine.sort(key=lambda one: (place[one.unit_id], one.person.username, one.correction.id))
    return tuple(
        CorrectionLine(one, names[one.unit_id], _is_signed(one.correction, at)) for one in mine
    )


def _is_signed(made: Correction, at: datetime) -> bool:
    return made.signed_at is not None and made.signed_at <= at


def trend_cell(figures: Iterable[PersonFigure], scope: FigureScope) -> TrendCell | None:
    """How many of these figures were met; none where nothing was owed."""
    some = list(figures)
    if not may_be_split(scope, some):
        return TrendCell(0, 0, 0, 0, is_split=False)
    own = [one.figure for one in some]
    frozen = [one.status for one in own]
    corrected = [
        one.settled.corrected.status if one.settled and one.settled.corrected else one.status
        for one in own
    ]
    cell = TrendCell(*_count(frozen), *_count(corrected))
    return cell if cell.owing or cell.owing_corrected else None


def _count(statuses: Iterable[FigureStatus]) -> tuple[int, int]:
    owed = [one is FigureStatus.MET for one in statuses if one is not FigureStatus.EXEMPT]
    return sum(owed), len(owed)
