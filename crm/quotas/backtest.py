"""What draft rules would have said of past periods, beside what was said; changes nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.periods import DAY, Period, PeriodKind
from crm.base.workdays import WorkingCalendar
from crm.people.rules import Duty
from crm.quotas.facts import PersonFigure, Place
from crm.quotas.models import FigureRecord
from crm.quotas.permissions import FEWEST, FigureScope
from crm.quotas.queries import figures, live_figures, working_calendar
from crm.quotas.rules import WORKDAYS_TO_LOG, FigureBasis, FigureStatus, Rule, basis_of


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule says of a person in a period."""

    required: int
    achieved: int
    status: FigureStatus


@dataclass(frozen=True, slots=True)
class Compared(Place):
    """One person, rule and period: what was said, and what the draft would have said."""

    rule: Rule  # the draft
    period: Period
    was: Said | None  # none: nothing was asked
    would: Said | None  # none: the draft asks nothing of them
    basis: FigureBasis  # of what was said
    duties: frozenset[Duty]  # of which the two figures are: they decide who sees them

    @property
    def is_frozen(self) -> bool:
        """Whether what was said is a frozen figure."""
        return self.basis is FigureBasis.SETTLED

    @property
    def is_changed(self) -> bool:
        """Whether the draft says anything else."""
        return self.was != self.would

    @property
    def is_turned(self) -> bool:
        """Whether it comes to another conclusion, not to other numbers alone."""
        return (self.was and self.was.status) != (self.would and self.would.status)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many owed something and how many met it, as it was said and by the draft."""

    was_owing: int
    was_met: int
    would_owing: int
    would_met: int
    changed: int
    turned: int  # of them: those with another conclusion


def past_periods(kind: PeriodKind, first: date, last: date, today: date) -> list[Period]:
    """The periods of that kind that lie whole within the dates and have begun, in order."""
    period = Period.holding(kind, first)
    period = period if period.first == first else period.after
    found = []
    while period.last <= last and period.first <= today:
        found.append(period)
        period = period.after
    return found


def backtest(  # noqa: PLR0913 - which figures, and as known when
    db: Session,
    drafts: Sequence[Rule],
    *,
    first: date,
    last: date,
    now: datetime,
    since: date = date.min,
) -> list[Compared]:
    """The drafts over the periods of their kind within the dates, by rule, period, unit and name.

    Each period is judged by what was known at its freeze (or is now, where that lies ahead); from
    when to when a draft holds does not matter here. `since`: on which date the clock's slots begin.
    """
    calendar = working_calendar(db)
    found: list[Compared] = []

    for kind in {draft.period: None for draft in drafts}:
        some = [draft for draft in drafts if draft.period is kind]
        for period in past_periods(kind, first, last, civil_date(now)):
            as_of = _known_at(db, calendar, period, now)
            found += _compared(db, some, period, as_of, since)

    order = [draft.code for draft in drafts]

    return sorted(
        found,
        key=lambda each: (
            order.index(each.rule.code),
            each.period.first,
            each.unit_code,
            each.username,
        ),
    )


def counts(compared: Iterable[Compared]) -> Counts:
    """How many owed and met before and after; whoever is exempt owes nothing."""
    tally: Counter[str] = Counter()
    for each in compared:
        for name, said in (("was", each.was), ("would", each.would)):
            tally[f"{name}_owing"] += said is not None and said.status is not FigureStatus.EXEMPT
            tally[f"{name}_met"] += said is not None and said.status is FigureStatus.MET
        tally["changed"] += each.is_changed
        tally["turned"] += each.is_turned
    return Counts(**{name: tally[name] for name in Counts.__dataclass_fields__})


def is_seen(compared: Compared, scope: FigureScope) -> bool:
    """Whether the viewer may see both figures with the person's name."""
    return all(scope.sees(compared.person_id, compared.unit_id, duty) for duty in compared.duties)


def may_be_counted(compared: Iterable[Compared], scope: FigureScope) -> bool:
    """Whether counts of these may be shown: `may_be_split` for what was and what would be."""
    rows = list(compared)
    owing = (
        [row for row in rows if row.was and row.was.required],
        [row for row in rows if row.would and row.would.required],
    )
    return all(
        all(is_seen(row, scope) for row in side) or len({row.person_id for row in side}) >= FEWEST
        for side in owing
    )


def may_be_counted_beside(
    whole: Sequence[Compared], parts: Iterable[Sequence[Compared]], scope: FigureScope
) -> bool:
    """Whether counts of the whole may be shown beside counts of these parts of it."""
    # REGIME 2: the whole less the parts tells of the rest
    shown = {_place(row) for part in parts for row in part}
    rest = (row for row in whole if _place(row) not in shown)
    return may_be_counted(whole, scope) and may_be_counted(rest, scope)


def _place(compared: Compared) -> tuple[int, int, Period]:
    return compared.person_id, compared.unit_id, compared.period


def _known_at(db: Session, calendar: WorkingCalendar, period: Period, now: datetime) -> datetime:
    """The moment of the period's freeze: as it was, else as it is due; at the latest now."""
    query = select(func.max(FigureRecord.frozen_at)).where(FigureRecord.period == period.name)
    if frozen_at := db.scalar(query):
        return min(frozen_at, now)
    due_on = calendar.nth_workday_after(period.last, WORKDAYS_TO_LOG) + DAY
    return min(at_civil(due_on), now)


def _compared(
    db: Session, drafts: Sequence[Rule], period: Period, as_of: datetime, since: date
) -> Iterable[Compared]:
    codes = {draft.code for draft in drafts}
    was = {_key(one): one for one in figures(db, period=period, as_of=as_of, codes=codes)}
    would = {_key(one): one for one in live_figures(db, period=period, as_of=as_of, rules=drafts)}
    rules = {draft.code: draft for draft in drafts}
    for key in {**would, **was}:
        said = was.get(key)
        basis = basis_of([said.figure] if said else [], period, since)
        yield _beside(rules[key[0]], said, would.get(key), basis)


def _beside(
    rule: Rule, was: PersonFigure | None, would: PersonFigure | None, basis: FigureBasis
) -> Compared:
    one = was or would
    assert one is not None  # noqa: S101 - the caller has at least one of them
    return Compared(
        **{name: getattr(one, name) for name in Place.__dataclass_fields__},
        rule=rule,
        period=one.figure.period,
        was=_said(was),
        would=_said(would),
        basis=basis,
        duties=frozenset(each.figure.rule.duty for each in (was, would) if each),
    )


def _said(one: PersonFigure | None) -> Said | None:
    if one is None:
        return None
    return Said(one.figure.required, one.figure.achieved, one.figure.status)


def _key(one: PersonFigure) -> tuple[str, int]:
    return one.figure.rule.code, one.person_id
