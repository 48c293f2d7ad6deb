"""What happened to orders in a span of time, and how they stand at a moment (REGIME 5)."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from crm.base.clock import civil_date
from crm.supervision.models import Order, OrderEntry
from crm.supervision.queries import state_at
from crm.supervision.rules import UNDER_WAY, EntryKind, OrderState, days_overdue

TOLD = frozenset({EntryKind.ISSUED, EntryKind.ANSWERED, EntryKind.ACCEPTED})


@dataclass(frozen=True, slots=True)
class MovedOrder:
    """An issued order with what happened to it; whether one may see it is not said here."""

    id: int
    number: str
    matter: str
    unit_id: int
    unit_name: str
    state: OrderState
    due_on: date
    days_overdue: int
    happened: frozenset[EntryKind]  # in the span, of `TOLD`


def orders_moved(
    db: Session, *, begins: datetime, ends: datetime, as_of: datetime
) -> list[MovedOrder]:
    """The orders under way at the moment or accepted since the span began, by due date."""
    orders = db.scalars(
        select(Order)
        .where(
            Order.issued_at <= as_of,
            or_(Order.state.in_(UNDER_WAY), Order.accepted_at >= begins),
        )
        .options(joinedload(Order.unit))
        .order_by(Order.due_on, Order.id)
    ).all()
    happened = _happened(db, [one.id for one in orders], begins, min(ends, as_of))
    on = civil_date(as_of)

    return [_moved(one, happened[one.id], as_of, on) for one in orders]


def _happened(
    db: Session, order_ids: Collection[int], begins: datetime, ends: datetime
) -> defaultdict[int, set[EntryKind]]:
    rows = db.execute(
        select(OrderEntry.order_id, OrderEntry.kind).where(
            OrderEntry.order_id.in_(order_ids),
            OrderEntry.kind.in_(TOLD),
            OrderEntry.at >= begins,
            OrderEntry.at < ends,
        )
    )
    happened: defaultdict[int, set[EntryKind]] = defaultdict(set)
    for order_id, kind in rows:
        happened[order_id].add(kind)

    return happened


def _moved(order: Order, happened: Collection[EntryKind], as_of: datetime, on: date) -> MovedOrder:
    assert order.due_on is not None  # noqa: S101 - a constraint sees to it
    state = state_at(order, as_of)

    return MovedOrder(
        id=order.id,
        number=order.number_text or "",
        matter=order.matter,
        unit_id=order.unit_id,
        unit_name=order.unit.name,
        state=state,
        due_on=order.due_on,
        days_overdue=days_overdue(state, order.due_on, on),
        happened=frozenset(happened),
    )
