"""The compliance board: figures by unit and person, never ranked by activity (REGIME 3 and 4)."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import chain

from sqlalchemy.orm import Session

from crm.base import clock, formatting
from crm.base.periods import Period, PeriodKind
from crm.base.value_class import value_class
from crm.digests.results import withheld
from crm.jobs.ledger import began_on
from crm.people.permissions import Viewer
from crm.people.queries import UnitNode, spelled
from crm.people.rules import OF_BOARDS
from crm.quotas.past_statuses import past_statuses, periods_before
from crm.quotas.pending_visits import count_pending
from crm.quotas.permissions import FigureScope
from crm.quotas.queries import PersonFigure, figures_in_scope, working_calendar
from crm.quotas.rules import (
    WORKDAYS_TO_LOG,
    FigureBasis,
    FigureStatus,
    PendingVisits,
    basis_of,
)
from crm.quotas.wording import demand_of, sentence_of
from crm.web.quotas.board_rows import (
    FOLDED_FROM,
    People,
    Row,
    StatusCounts,
    UnitBlock,
    count_statuses,
    row_of,
    unit_blocks,
)
from crm.web.quotas.labels import ESTIMATED_CALENDAR, correction_note, frozen_note


@value_class
class BoardScope:
    """What the board is narrowed to: some of the units that the viewer sees, and a status."""

    units: Sequence[UnitNode]  # all that the viewer sees, in the order of the tree
    unit_ids: frozenset[int]
    figures: FigureScope
    status: FigureStatus | None = None
    shows_all: bool = False  # whether nobody is folded


@value_class
class Demand:
    """A rule that judges: in short what it asks, and how it is counted."""

    name: str
    short: str
    sentence: str


@value_class
class Board:
    """What one viewer sees of a period; each part may be empty."""

    own: tuple[Row, ...]  # shown apart where the viewer sees no people
    total: StatusCounts
    blocks: tuple[UnitBlock, ...]
    rules: tuple[Demand, ...]
    basis: str
    notes: tuple[str, ...]
    has_people: bool  # whether the viewer sees people by name, and not units alone
    is_own: bool  # whether the viewer sees nobody's figures but their own
    is_running: bool  # whether the period has days left
    folds: bool  # whether people without need of attention are folded
    past: str  # the span of the earlier periods of which a row shows marks; empty without any


def usual_kind(kinds: Sequence[PeriodKind]) -> PeriodKind:
    """The month where any rule has it, else the shortest kind that a rule has."""
    return next((kind for kind in kinds if kind is PeriodKind.MONTH), (*kinds, PeriodKind.MONTH)[0])


def make_board(
    db: Session, viewer: Viewer, period: Period, now: datetime, scope: BoardScope
) -> Board:
    """The board of the chosen units; people by name only where the viewer may see them."""
    judged = figures_in_scope(db, scope.figures, period, now)
    mine = [figure for figure in judged if figure.person_id == viewer.person_id]
    in_units = [figure for figure in judged if figure.unit_id in scope.unit_ids]
    seen = in_units if viewer.role in OF_BOARDS else []
    people = _people(db, scope, period, seen if viewer.oversees else [])

    parts = unit_blocks(scope.units, scope.unit_ids, seen, scope.figures, people)
    unsplit = withheld(scope.units, scope.unit_ids, seen, scope.figures)
    own = () if viewer.oversees else tuple(row_of(each, frozen_note, {}) for each in mine)
    shown = seen or mine

    return Board(
        own=own,
        total=count_statuses(seen, scope.figures, unsplit),
        blocks=tuple(chain.from_iterable(_chosen(scope, blocks) for blocks in parts)),
        rules=_demands(shown),
        basis=basis_of((each.figure for each in shown), period, began_on(db)).label,
        notes=tuple(_notes(db, period, now, shown)),
        has_people=viewer.oversees,
        is_own=viewer.role not in OF_BOARDS,
        is_running=period.last >= clock.civil_date(now),
        folds=people.folds,
        past=_past_span(period) if people.past else "",
    )


def _people(db: Session, scope: BoardScope, period: Period, seen: Sequence[PersonFigure]) -> People:
    """The figures that the viewer sees with the person's name."""
    figures = [figure for figure in seen if scope.figures.sees_figure(figure)]
    # where all are frozen, only what sets a figure apart is noted
    is_all_frozen = all(judged.figure.settled for judged in figures)

    return People(
        figures,
        [judged for judged in figures if scope.status in (None, judged.figure.status)],
        spelled(db, {judged.person_id for judged in figures}),
        past_statuses(db, period) if figures else {},
        correction_note if is_all_frozen else frozen_note,
        # a chosen status has nobody to fold
        folds=len(figures) >= FOLDED_FROM and not (scope.shows_all or scope.status),
    )


def _chosen(scope: BoardScope, blocks: Sequence[UnitBlock]) -> Sequence[UnitBlock]:
    """The blocks, but of a chosen status only those that have anybody of it."""
    if scope.status is None:
        return blocks
    head, *inner = blocks
    kept = [block for block in inner if not block.is_empty]
    return [head, *kept] if kept or not head.is_empty else []


def _past_span(period: Period) -> str:
    first, *_, last = periods_before(period)
    return f"{formatting.period_short(first)}至{formatting.period_short(last)}"


def _demands(judged: Iterable[PersonFigure]) -> tuple[Demand, ...]:
    rules = dict.fromkeys(figure.figure.rule for figure in judged)
    return tuple(Demand(rule.name, demand_of(rule), sentence_of(rule)) for rule in rules)


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
        yield f"{FigureBasis.SETTLED.label}：本期数据已于{when}定稿，之后的修改另记更正，两数并列。"

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
    return f"本期可补录至{formatting.day(open_until)}"


def _pending(visits: PendingVisits) -> str:
    """How many visits may still change the figures; empty where none may."""
    counts = ((visits.to_log, "办结"), (visits.to_judge, "确认"))
    parts = [f"{count} 次拜访待{step}" for count, step in counts if count]
    return f"，还有 {'、'.join(parts)}" if parts else ""
