"""Supervision orders in digests: how many were issued, answered, accepted or stand overdue."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.periods import Period, PeriodKind
from crm.digests.truncated import Listed
from crm.people.queries import Viewer
from crm.quotas.permissions import FigureScope
from crm.supervision.activity import MovedOrder, orders_moved
from crm.supervision.models import Order
from crm.supervision.queries import visible
from crm.supervision.rules import EntryKind

MOST = 12  # lines of a month


@dataclass(frozen=True, slots=True)
class OrderCounts:
    """What happened to the orders of some units, each order once; with nothing it is false."""

    issued: int
    answered: int
    accepted: int
    overdue: int  # at the moment

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.issued or self.answered or self.accepted or self.overdue)


@dataclass(frozen=True, slots=True)
class OrderRow:
    """The orders that a unit leads, with those of all below it."""

    name: str
    counts: OrderCounts


@dataclass(frozen=True, slots=True)
class OrdersPart:
    """The orders of the units that the recipient sees; totals hold what is kept from them."""

    total: OrderCounts
    rows: tuple[OrderRow, ...]  # in a month only
    lines: Listed[MovedOrder]  # in a month only, of those that the recipient may see
    has_page: bool  # whether the register is theirs to open

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.total)


def orders_of(db: Session, period: Period, at: datetime) -> list[MovedOrder]:
    """What happened to orders in the week or month, and those under way at the moment."""
    ends = at_civil(period.after.first)
    return orders_moved(db, begins=at_civil(period.first), ends=ends, as_of=at)


def seen_orders(
    db: Session, eyes: Viewer, scope: FigureScope, orders: Iterable[MovedOrder], at: datetime
) -> frozenset[int]:
    """Which of the orders the viewer may see."""
    asked = [one.id for one in orders]
    if not asked:
        return frozenset()
    seen = select(Order.id).where(Order.id.in_(asked), visible(eyes, scope, civil_date(at)))
    return frozenset(db.scalars(seen))


def orders_part(
    kind: PeriodKind,
    orders: Sequence[MovedOrder],
    groups: Iterable[tuple[str, Collection[int | None]]],
    *,
    unit_ids: Collection[int],
    seen: Collection[int] | None,
) -> OrdersPart:
    """What is told of the units' orders; `seen`, those with a page, or none for figures alone."""
    mine = [one for one in orders if one.unit_id in unit_ids]
    if kind is PeriodKind.WEEK:
        return OrdersPart(_count(mine), (), Listed.first((), MOST), seen is not None)

    rows = [
        OrderRow(name, _count(one for one in mine if one.unit_id in ids)) for name, ids in groups
    ]
    told = [one for one in mine if one.id in (seen or ()) and (one.happened or one.days_overdue)]
    told.sort(key=lambda one: -one.days_overdue)  # else by due date

    return OrdersPart(
        _count(mine),
        tuple(row for row in rows if row.counts),
        Listed.first(told, MOST),
        seen is not None,
    )


def _count(orders: Iterable[MovedOrder]) -> OrderCounts:
    some = list(orders)

    def times(kind: EntryKind) -> int:
        return sum(kind in one.happened for one in some)

    return OrderCounts(
        times(EntryKind.ISSUED),
        times(EntryKind.ANSWERED),
        times(EntryKind.ACCEPTED),
        sum(one.days_overdue > 0 for one in some),
    )
