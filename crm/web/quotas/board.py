"""The compliance board: figures by unit and person, never ranked by activity (REGIME 3 and 4)."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from itertools import groupby

from sqlalchemy.orm import Session

from crm.base import clock, formatting
from crm.base.periods import Period
from crm.base.values import dataclass
from crm.digests.results import groups
from crm.jobs.ledger import began_on
from crm.people.permissions import Viewer
from crm.people.queries import UnitNode, spelled
from crm.people.rules import OF_BOARDS
from crm.quotas.pending_visits import count_pending
from crm.quotas.permissions import FigureScope, may_be_split
from crm.quotas.queries import (
    PersonFigure,
    figures_in_scope,
    working_calendar,
)
from crm.quotas.rules import (
    WORKDAYS_TO_LOG,
    Figure,
    FigureBasis,
    FigureStatus,
    PendingVisits,
    basis_of,
)
from crm.quotas.wording import sentence_of
from crm.web.quotas.labels import ESTIMATED_CALENDAR, correction_note, frozen_note
from crm.web.quotas.visible_figures import figure_url


@dataclass(frozen=True, slots=True)
class Row:
    """One person against one rule."""

    name: str
    figure: Figure
    url: str
    note: str  # what sets it apart: a correction, or that it is frozen where others are not

    def percent(self, count: int) -> int:
        """The count as a share of what is required, at most 100."""
        required = max(self.figure.required, 1)
        return min(count, required) * 100 // required


@dataclass(frozen=True, slots=True)
class StatusCounts:
    """How many figures have which status; whoever is exempt owes nothing."""

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
    """The people of one unit who are judged by one rule."""

    unit: str
    rule: str
    status_counts: StatusCounts
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class BoardScope:
    """What the board is narrowed to: some of the units that the viewer sees, and a status."""

    units: Sequence[UnitNode]  # all that the viewer sees, in the order of the tree
    unit_ids: frozenset[int]
    figures: FigureScope
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


def make_board(
    db: Session, viewer: Viewer, period: Period, now: datetime, scope: BoardScope
) -> Board:
    """The board of the chosen units; people by name only where the viewer may see them."""
    judged = figures_in_scope(db, scope.figures, period, now)
    mine = [figure for figure in judged if figure.person_id == viewer.person_id]
    in_units = [figure for figure in judged if figure.unit_id in scope.unit_ids]
    seen = in_units if viewer.role in OF_BOARDS else []
    by_name = _by_name(scope, seen) if viewer.oversees else []

    by_unit = list(_unit_rows(scope, seen))
    unsplit = [figure for row, part in by_unit if not row.status_counts.is_split for figure in part]

    return Board(
        own=() if viewer.oversees else tuple(_row(figure, frozen_note) for figure in mine),
        total=_status_counts(seen, scope.figures, unsplit),
        units=tuple(row for row, _ in by_unit),
        blocks=tuple(_blocks(db, scope, by_name)),
        rules=_demands(seen or mine),
        notes=tuple(_notes(db, period, now, seen or mine)),
        has_people=viewer.oversees,
        is_own=viewer.role not in OF_BOARDS,
    )


def _by_name(scope: BoardScope, seen: Sequence[PersonFigure]) -> list[PersonFigure]:
    """The figures of the chosen status that the viewer sees with the person's name."""
    wanted = [figure for figure in seen if scope.status in (None, figure.figure.status)]
    return [figure for figure in wanted if scope.figures.sees_figure(figure)]


def _row(judged: PersonFigure, note_of: Callable[[Figure], str]) -> Row:
    figure = judged.figure
    url = figure_url(figure.rule.code, judged.username, figure.period)
    return Row(judged.name, figure, url, note_of(figure))


def _status_counts(
    judged: Sequence[PersonFigure], scope: FigureScope, unsplit: Sequence[PersonFigure] = ()
) -> StatusCounts:
    """How many figures have which status; not split where too few people would show.

    `unsplit`: the figures of parts that are not split. The whole less the other parts tells of
    them, too.
    """
    # REGIME 2: no count of fewer than three people whose figures the viewer may not see
    if not (may_be_split(scope, judged) and may_be_split(scope, unsplit)):
        return StatusCounts(len(judged), (), is_split=False)
    counts = Counter(figure.figure.status for figure in judged)
    by_status = tuple((status, counts[status]) for status in _ORDER if counts[status])
    return StatusCounts(len(judged), by_status)


def _demands(judged: Iterable[PersonFigure]) -> tuple[tuple[str, str], ...]:
    rules = dict.fromkeys(figure.figure.rule for figure in judged)
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
    scope: BoardScope, seen: Sequence[PersonFigure]
) -> Iterable[tuple[UnitRow, list[PersonFigure]]]:
    """The units, each with its figures."""
    for group in groups(scope.units, scope.unit_ids):
        if part := [figure for figure in seen if figure.unit_id in group.unit_ids]:
            yield UnitRow(group.name, _status_counts(part, scope.figures)), part


def _blocks(db: Session, scope: BoardScope, by_name: Sequence[PersonFigure]) -> Iterable[Block]:
    """By unit in the order of the tree and by rule, people in the order of their names."""
    pinyin = spelled(db, {figure.person_id for figure in by_name})
    places = {node.unit.id: place for place, node in enumerate(scope.units)}
    is_all_frozen = all(figure.figure.settled for figure in by_name)
    note_of = correction_note if is_all_frozen else frozen_note

    def unit_and_rule(judged: PersonFigure) -> tuple[int, str]:
        return places[judged.unit_id], judged.figure.rule.code

    def name(judged: PersonFigure) -> tuple[str, str, str]:
        return pinyin[judged.person_id], judged.name, judged.username

    # REGIME 3: nobody is ranked
    ordered = sorted(sorted(by_name, key=name), key=unit_and_rule)

    for _, group in groupby(ordered, unit_and_rule):
        part = list(group)
        rows = tuple(_row(judged, note_of) for judged in part)
        counts = _status_counts(part, scope.figures)
        yield Block(part[0].unit_name, part[0].figure.rule.name, counts, rows)


def _notes(
    db: Session, period: Period, now: datetime, shown: Sequence[PersonFigure]
) -> Iterable[str]:
    """Notices on the figures: an estimated calendar, and whether they may still change."""
    calendar, on = working_calendar(db), clock.civil_date(now)
    is_frozen = bool(shown) and all(judged.figure.settled for judged in shown)
    if calendar.is_estimated(period) and not is_frozen:
        yield ESTIMATED_CALENDAR

    frozen_at = [judged.figure.settled.frozen_at for judged in shown if judged.figure.settled]

    if frozen_at:
        when = formatting.moment(max(frozen_at))
        yield f"{FigureBasis.SETTLED.label}：本期数字已于{when}定稿，之后的修改另记更正，两数并列。"

    basis = basis_of((judged.figure for judged in shown), period, began_on(db))
    if basis is FigureBasis.RETRACED:
        yield f"{FigureBasis.RETRACED.label}：本期早于系统启用，不核算、不定稿。"
        return

    open_until = calendar.nth_workday_after(period.last, WORKDAYS_TO_LOG)
    person_ids = {judged.person_id for judged in shown if not judged.figure.settled}

    if on <= open_until and person_ids:
        state = _period_state(period, on, open_until)
        pending = _pending(count_pending(db, period=period, as_of=now, person_ids=person_ids))
        yield f"{FigureBasis.PRELIMINARY.label}：{state}{pending}。"


def _period_state(period: Period, on: date, open_until: date) -> str:
    if on < period.first:
        return "本期尚未开始"
    if on <= period.last:
        return "本期尚未结束"
    return f"本期补登记到{formatting.day(open_until)}为止"


def _pending(visits: PendingVisits) -> str:
    """How many visits may still change the figures; empty where none may."""
    counts = ((visits.to_log, "登记完成"), (visits.to_judge, "确认"))
    parts = [f"{count} 次拜访待{step}" for count, step in counts if count]
    return f"，还有 {'、'.join(parts)}" if parts else ""
