"""The compliance board: figures by unit and person, never ranked by activity (REGIME 3 and 4)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask import url_for
from sqlalchemy.orm import Session

from crm.base import clock, formatting
from crm.base.periods import Period
from crm.digests.results import groups
from crm.jobs.ledger import began_on
from crm.people.queries import UnitNode, Viewer, people_by_id
from crm.people.rules import OF_BOARDS, Role
from crm.quotas.permissions import FigureScope, may_be_split
from crm.quotas.queries import PersonFigure, figures, people_under, waiting, working_calendar
from crm.quotas.rules import WORKDAYS_TO_LOG, Figure, FigureBasis, FigureStatus, basis_of
from crm.quotas.wording import sentence_of
from crm.web.corrections.views import note_of
from crm.web.quotas.quota_effects import ESTIMATED


@dataclass(frozen=True, slots=True)
class Row:
    """One person against one rule."""

    name: str
    figure: Figure
    url: str
    note: str  # that it is frozen, and what a correction made of it; else empty


@dataclass(frozen=True, slots=True)
class StatusCounts:
    """How many figures stand where; whoever is exempt owes nothing."""

    total: int  # all figures
    by_status: tuple[tuple[FigureStatus, int], ...]
    is_split: bool = True  # else too few people owe for this viewer to have them by status

    @property
    def owing(self) -> int:
        """Those that owe something."""
        return self.total - dict(self.by_status).get(FigureStatus.EXEMPT, 0)

    @property
    def met(self) -> int:
        """Those that are met."""
        return dict(self.by_status).get(FigureStatus.MET, 0)


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit with all below it, beside the others."""

    name: str
    status_counts: StatusCounts


@dataclass(frozen=True, slots=True)
class Block:
    """The people of one unit."""

    name: str
    status_counts: StatusCounts
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """What the board is narrowed to: some of the units that the viewer sees, and a status."""

    units: Sequence[UnitNode]  # all that the viewer sees, in the order of the tree
    unit_ids: frozenset[int]
    sight: FigureScope
    status: FigureStatus | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """What one viewer sees of a period; each part may be empty."""

    own: tuple[Row, ...]  # shown apart where the viewer sees no people
    total: StatusCounts
    units: tuple[UnitRow, ...]
    blocks: tuple[Block, ...]
    rules: tuple[tuple[str, str], ...]  # those that judge, each with what it asks
    notes: tuple[str, ...]
    has_people: bool  # whether the viewer sees people by name, and not units alone
    is_own: bool  # whether the viewer sees nobody's figures but their own


def board_of(db: Session, viewer: Viewer, period: Period, now: datetime, scope: Scope) -> Board:
    """The board of the units among those that the viewer sees; people only where theirs to see."""
    sight = scope.sight
    judged = figures(db, period=period, as_of=now, person_ids=_asked(db, viewer, sight, period))
    mine = [each for each in judged if each.person_id == viewer.person_id]
    seen = [each for each in judged if each.unit_id in scope.unit_ids]
    seen = seen if viewer.role in OF_BOARDS else []
    listed = [each for each in seen if scope.status in (None, each.figure.status)]
    listed = [each for each in listed if sight.sees_figure(each)] if viewer.oversees else []
    rows = list(_unit_rows(scope, seen))
    too_few = [each for row, some in rows if not row.status_counts.is_split for each in some]

    return Board(
        own=() if viewer.oversees else tuple(map(_row, mine)),
        total=_status_counts(seen, sight, too_few),
        units=tuple(row for row, _ in rows),
        blocks=tuple(_blocks(scope, listed, _pinyin(db, listed))),
        rules=_asking(seen or mine),
        notes=tuple(_notes(db, period, now, seen or mine)),
        has_people=viewer.oversees,
        is_own=viewer.role not in OF_BOARDS,
    )


def _asked(
    db: Session, viewer: Viewer, sight: FigureScope, period: Period
) -> Collection[int] | None:
    """Person ids to load; `None` means everyone."""
    if viewer.role is Role.ADMIN:
        return None

    return {viewer.person_id, *people_under(db, sight.unit_ids, period)}


def _row(each: PersonFigure) -> Row:
    return Row(
        each.name,
        each.figure,
        url_for(
            "compliance.figure",
            rule=each.figure.rule.code,
            person=each.username,
            period=each.figure.period.name,
        ),
        note_of(each.figure),
    )


def _status_counts(
    judged: Sequence[PersonFigure], sight: FigureScope, too_few: Sequence[PersonFigure] = ()
) -> StatusCounts:
    """How many stand where; not split by status where that would tell of too few people.

    `too_few`: those of parts that are not split; what the whole less the other parts leaves.
    """
    if not (may_be_split(sight, judged) and may_be_split(sight, too_few)):
        return StatusCounts(len(judged), (), is_split=False)
    counts = Counter(each.figure.status for each in judged)
    by_status = tuple((status, counts[status]) for status in _ORDER if counts[status])
    return StatusCounts(len(judged), by_status)


def _asking(judged: Iterable[PersonFigure]) -> tuple[tuple[str, str], ...]:
    rules = dict.fromkeys(each.figure.rule for each in judged)
    return tuple((rule.name, sentence_of(rule)) for rule in rules)


_ORDER = (
    FigureStatus.MET,
    FigureStatus.ON_TRACK,
    FigureStatus.AT_RISK,
    FigureStatus.UNREACHABLE,
    FigureStatus.MISSED,
    FigureStatus.EXEMPT,
)


def _unit_rows(
    scope: Scope, seen: Sequence[PersonFigure]
) -> Iterable[tuple[UnitRow, list[PersonFigure]]]:
    """The units, each with its figures."""
    for group in groups(scope.units, scope.unit_ids):
        if some := [each for each in seen if each.unit_id in group.unit_ids]:
            yield UnitRow(group.name, _status_counts(some, scope.sight)), some


def _blocks(
    scope: Scope, listed: Sequence[PersonFigure], pinyin: dict[int, str]
) -> Iterable[Block]:
    """By unit in the order of the tree, people in the order of their names."""
    by_unit: defaultdict[int, list[PersonFigure]] = defaultdict(list)
    for each in listed:
        by_unit[each.unit_id].append(each)
    for node in scope.units:
        if people := by_unit.get(node.unit.id):
            people.sort(key=lambda each: (pinyin[each.person_id], each.name, each.username))
            yield Block(
                node.unit.name, _status_counts(people, scope.sight), tuple(map(_row, people))
            )


def _pinyin(db: Session, listed: Sequence[PersonFigure]) -> dict[int, str]:
    people = people_by_id(db, {each.person_id for each in listed})
    return {person.id: person.pinyin for person in people.values()}


def _notes(
    db: Session, period: Period, now: datetime, shown: Sequence[PersonFigure]
) -> Iterable[str]:
    """What must be said of the figures: an estimated calendar, and whether they may change."""
    calendar, on = working_calendar(db), clock.civil_date(now)
    if calendar.is_estimated(period) and not _is_settled(shown):
        yield ESTIMATED

    frozen_at = [each.figure.settled.frozen_at for each in shown if each.figure.settled]

    if frozen_at:
        when = formatting.moment(max(frozen_at))
        yield f"{FigureBasis.SETTLED.label}：本期数字已于{when}定稿，之后的修改另记更正，两数并列。"

    if basis_of((each.figure for each in shown), period, began_on(db)) is FigureBasis.RETRACED:
        yield f"{FigureBasis.RETRACED.label}：本期早于系统启用，不核算、不定稿。"
        return

    open_until = calendar.nth_workday_after(period.last, WORKDAYS_TO_LOG)
    people = {each.person_id for each in shown if not each.figure.settled}
    if on > open_until or not people:
        return

    still = waiting(db, period=period, as_of=now, person_ids=people)
    waits = [
        f"{count} 次拜访待{what}"
        for count, what in ((still.for_logging, "登记完成"), (still.for_verdict, "确认"))
        if count
    ]
    told = f"，还有 {'、'.join(waits)}" if waits else ""
    yield f"{FigureBasis.PRELIMINARY.label}：{_openness(period, on, open_until)}{told}。"


def _is_settled(shown: Sequence[PersonFigure]) -> bool:
    return bool(shown) and all(each.figure.settled for each in shown)


def _openness(period: Period, on: date, open_until: date) -> str:
    if on < period.first:
        return "本期尚未开始"
    if on <= period.last:
        return "本期尚未结束"
    return f"本期补登记到{formatting.day(open_until)}为止"
