"""What leaders and readers follow: targets with their gap, orders, the board and the digest."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from flask import url_for
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.clock import at_civil
from crm.base.mailbox import messages_page, period_of
from crm.base.periods import DAY, Period
from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.digests import words
from crm.digests.kept import KINDS, stored_digest
from crm.people.permissions import Viewer
from crm.quotas.permissions import FigureScope
from crm.quotas.queries import period_kinds
from crm.quotas.status_reasons import THIS
from crm.supervision.queries import OpenOrder, open_orders
from crm.targets.queries import target_progress
from crm.targets.rules import TargetProgress
from crm.web.quotas.board import Board, BoardScope, make_board, usual_kind
from crm.web.targets.rows import pace_label

MOST_GOALS = 4
MOST_ORDERS = 3


@value_class
class TargetLine:
    """A target: what is done of it, and how it stands against the months gone."""

    id: int
    title: str
    done: str
    percent: Decimal
    gap: str
    pace: str
    is_behind: bool


@value_class
class Targets:
    """The year's targets of the highest unit that the viewer sees, those behind first."""

    total: int
    behind: int
    lines: Sequence[TargetLine]


@value_class
class Orders:
    """The orders under way that the viewer may see, the overdue ones first, then the nearest."""

    total: int
    overdue: int
    lines: Sequence[OpenOrder]


@value_class
class UnitBoard:
    """The board of today's month, of which a reader sees units and no people."""

    board: Board
    this: str
    url: str


@value_class
class NewestDigest:
    """The digest that the viewer received last."""

    title: str
    summary: Sequence[tuple[str, str]]  # empty for one that is kept as a mail alone
    note: str  # when it was made, and whether it is unread
    url: str


def targets_of(db: Session, me: Viewer, on: date) -> Targets | None:
    """The targets of the year; None where the viewer's units have none."""
    return remembered(db, "home targets", me.unit_ids, on, read=lambda: [_targets(db, me, on)])[0]


def _targets(db: Session, me: Viewer, on: date) -> Targets | None:
    # what is entered during the day counts at once, so that the day's value depends on rows alone
    found = target_progress(
        *(db,),
        units=me.tree,
        seen=me.unit_ids,
        year=on.year,
        last=on,
        before=on,
        at=at_civil(on + DAY),
    )
    progress = [item for item in found if item.goal.value is not None]
    if not progress:
        return None

    of_top = [item for item in progress if item.goal.unit_id == progress[0].goal.unit_id]
    behind = [item for item in of_top if item.points is not None and item.points < 0]
    # those that lag most need a word first; the others stay in the order of the page
    first = sorted(of_top, key=lambda item: min(item.points or Decimal(0), Decimal(0)))

    return Targets(len(of_top), len(behind), [_line(item) for item in first[:MOST_GOALS]])


def _line(item: TargetProgress) -> TargetLine:
    is_behind = item.points is not None and item.points < 0
    return TargetLine(
        item.goal.id or 0,
        words.goal_title(item.goal),
        words.goal_done(item),
        item.percent or Decimal(0),
        words.goal_gap(item),
        pace_label(item.points) or "尚无登记数据",
        is_behind,
    )


def orders_of(db: Session, me: Viewer, scope: FigureScope, now: datetime) -> Orders:
    """The orders under way."""
    orders = open_orders(db, me, now, scope)
    # they come by due date
    nearest = sorted(orders, key=lambda order: not order.days_overdue)
    overdue = sum(order.days_overdue > 0 for order in orders)
    return Orders(len(orders), overdue, nearest[:MOST_ORDERS])


def unit_board(
    db: Session, me: Viewer, scope: FigureScope, on: date, now: datetime
) -> UnitBoard | None:
    """The units beside each other in today's month; None without units."""
    units = [node for node in me.tree if node.unit.id in scope.unit_ids]
    if not units:
        return None

    period = Period.holding(usual_kind(period_kinds(db)), on)
    narrowed = BoardScope(units, frozenset(node.unit.id for node in units), scope)
    board = make_board(db, me, period, now, narrowed)
    return UnitBoard(board, THIS[period.kind], url_for("compliance.board", period=period.name))


def newest_digest(db: Session, me: Viewer) -> NewestDigest | None:
    """The digest that the viewer received last; None before the first."""
    page = messages_page(db, me.person_id, kinds=tuple(KINDS.values()), size=1)
    if not page.items:
        return None

    row = page.items[0]
    period = Period.parse(period_of(row.dedupe_key))
    stored = stored_digest(db, me.person, period)
    document = stored.document if stored else None

    return NewestDigest(
        title=f"{formatting.period_name(period)} {row.kind.label}",
        summary=document.summary if document else (),
        note=formatting.moment(row.made_at) + ("" if row.read_at else " · 未读"),
        url=url_for("digests.show", name=period.name),
    )
