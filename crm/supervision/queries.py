"""What pages, mails and digests read of supervision orders (REGIME 5)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from crm.base.clock import civil_date
from crm.base.periods import Period
from crm.base.value_class import value_class
from crm.leads.models import LeadRole, Milestone
from crm.leads.permissions import role_held_on
from crm.leads.rules import LeadRoleKind
from crm.people.permissions import Viewer
from crm.quotas.permissions import FigureScope
from crm.supervision.models import Order, OrderEntry, Reminder
from crm.supervision.permissions import visible_to
from crm.supervision.rules import UNDER_WAY, EntryKind, OrderState, days_overdue

REPORTED = frozenset({EntryKind.ISSUED, EntryKind.ANSWERED, EntryKind.ACCEPTED})
PARTIES = (joinedload(Order.unit), joinedload(Order.person), joinedload(Order.officer))


@value_class
class OpenOrder:
    """An order under way at a moment, as shown in mails."""

    id: int
    number: str
    matter: str
    unit_id: int
    unit_name: str
    person_name: str | None
    state: OrderState
    due_on: date
    days_overdue: int


@value_class
class OrderActivity:
    """An issued order with what happened to it in a span; the caller checks who may see it."""

    id: int
    number: str
    matter: str
    unit_id: int
    unit_name: str
    state: OrderState
    due_on: date
    days_overdue: int
    happened: frozenset[EntryKind]  # of `REPORTED` only


@value_class
class LeadParties:
    """Who has a role on a lead on a date."""

    unit_id: int | None  # the responsible unit
    people: Mapping[LeadRoleKind, Sequence[int]]

    @property
    def tracker_id(self) -> int | None:
        """The person who tracks the lead."""
        return next(iter(self.people.get(LeadRoleKind.TRACKER, ())), None)


def order_of(db: Session, viewer: Viewer, order_id: int, on: date) -> Order | None:
    """The visible order with all that its page shows, its history by `entries`; none: 404."""
    return db.scalar(
        visible_to(db, viewer, on)
        .where(Order.id == order_id)
        .options(
            *PARTIES,
            joinedload(Order.lead),
            selectinload(Order.units),
            selectinload(Order.entries).joinedload(OrderEntry.by),
        )
        # the session may hold the order as it was before a step
        .execution_options(populate_existing=True)
    )


def open_orders(
    db: Session, viewer: Viewer, as_of: datetime, scope: FigureScope | None = None
) -> list[OpenOrder]:
    """Orders issued and not accepted at that moment that the viewer may see, by their due date."""
    on = civil_date(as_of)
    query = (
        visible_to(db, viewer, on, scope)
        .where(
            Order.issued_at <= as_of,
            or_(Order.state.in_(UNDER_WAY), Order.accepted_at > as_of),
        )
        .options(*PARTIES)
        .order_by(Order.due_on, Order.id)
    )

    return [_open(order, as_of, on) for order in db.scalars(query)]


def _open(order: Order, as_of: datetime, on: date) -> OpenOrder:
    assert order.due_on is not None  # noqa: S101 - a constraint sees to it

    return OpenOrder(
        id=order.id,
        number=order.number_text or "",
        matter=order.matter,
        unit_id=order.unit_id,
        unit_name=order.unit.name,
        person_name=order.person.name if order.person else None,
        state=(state := state_at(order, as_of)),
        due_on=order.due_on,
        days_overdue=days_overdue(state, order.due_on, on),
    )


def order_activity(
    db: Session, *, begins: datetime, ends: datetime, as_of: datetime
) -> list[OrderActivity]:
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
    happened = _happened(db, [order.id for order in orders], begins, min(ends, as_of))
    on = civil_date(as_of)

    return [_activity_of(order, happened[order.id], as_of, on) for order in orders]


def _happened(
    db: Session, order_ids: Collection[int], begins: datetime, ends: datetime
) -> defaultdict[int, set[EntryKind]]:
    rows = db.execute(
        select(OrderEntry.order_id, OrderEntry.kind).where(
            OrderEntry.order_id.in_(order_ids),
            OrderEntry.kind.in_(REPORTED),
            OrderEntry.at >= begins,
            OrderEntry.at < ends,
        )
    )
    happened: defaultdict[int, set[EntryKind]] = defaultdict(set)
    for order_id, kind in rows:
        happened[order_id].add(kind)

    return happened


def _activity_of(
    order: Order, happened: Collection[EntryKind], as_of: datetime, on: date
) -> OrderActivity:
    assert order.due_on is not None  # noqa: S101 - a constraint sees to it
    state = state_at(order, as_of)

    return OrderActivity(
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


def state_at(order: Order, as_of: datetime) -> OrderState:
    """The state at that moment by the order's timestamps.

    A return leaves no timestamp, so it shows as it is now.
    """
    if order.accepted_at is not None and order.accepted_at <= as_of:
        return OrderState.ACCEPTED
    if order.state is OrderState.ACCEPTED or order.state is OrderState.ANSWERED:
        if order.answered_at is not None and order.answered_at <= as_of:
            return OrderState.ANSWERED
        was_received = order.received_at is not None and order.received_at <= as_of
        return OrderState.RECEIVED if was_received else OrderState.ISSUED
    return order.state


def periods_of(order: Order) -> Sequence[Period]:
    """The missed periods for which the clock drafted the order, the earlier first."""
    names = (order.earlier_period, order.period)
    return [Period.parse(name) for name in names if name is not None]


def last_entry(db: Session, order: Order) -> OrderEntry:
    """The latest entry of the order's history."""
    query = select(OrderEntry).where(OrderEntry.order_id == order.id)
    return db.scalars(query.order_by(OrderEntry.id.desc()).limit(1)).one()


def reminders_of(db: Session, order: Order) -> dict[str, datetime]:
    """When the person was reminded of the order's figures, by period name."""
    query = select(Reminder.period, Reminder.made_at).where(
        Reminder.rule_code == order.rule_code, Reminder.person_id == order.person_id
    )
    return dict(db.execute(query).all())


def milestone_reached_on(db: Session, order: Order) -> date | None:
    """When the overdue milestone of the order was reached; `None` while it is not."""
    query = select(Milestone.reached_on).where(
        Milestone.lead_id == order.lead_id, Milestone.kind == order.milestone
    )
    return db.scalar(query.order_by(Milestone.id.desc()).limit(1))


def lead_parties(db: Session, lead_id: int, on: date) -> LeadParties:
    """The unit and the people with a role on the lead on the date."""
    query = select(LeadRole).where(LeadRole.lead_id == lead_id, role_held_on(on))
    unit_id, people = None, defaultdict[LeadRoleKind, list[int]](list)

    for role in db.scalars(query.order_by(LeadRole.id)):
        if role.role is LeadRoleKind.RESPONSIBLE_UNIT:
            unit_id = role.unit_id
        if role.person_id is not None:
            people[role.role].append(role.person_id)

    return LeadParties(unit_id, people)
