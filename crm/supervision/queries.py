"""Who may see which supervision order, and what pages, mails and digests read (REGIME 2 and 5)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from crm.base.clock import civil_date
from crm.base.periods import Period
from crm.leads.models import Lead
from crm.leads.queries import visible as visible_leads
from crm.people.models import Posting
from crm.people.queries import Viewer, held_on
from crm.people.rules import WITH_RECORDS, Role
from crm.quotas.frozen import CorrectionFacts, corrections
from crm.quotas.models import FigureRecord, RuleVersion
from crm.quotas.permissions import FigureScope, figure_scope, seen_by
from crm.supervision.models import Order, OrderEntry, OrderUnit
from crm.supervision.rules import (
    ANSWERABLE,
    UNDER_WAY,
    WORKING,
    OrderState,
    Wait,
    days_overdue,
)

PARTIES = (joinedload(Order.unit), joinedload(Order.person), joinedload(Order.officer))


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """An order that waits for a person, and for what; unit, person and officer loaded."""

    order: Order
    wait: Wait
    days_overdue: int


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order under way at a moment, as mails tell it."""

    id: int
    number: str
    matter: str
    unit_id: int
    unit_name: str
    person_name: str | None
    state: OrderState
    due_on: date
    days_overdue: int


def assisting(unit_ids: Collection[int]) -> ColumnElement[bool]:
    """Orders that one of the units assists."""
    return exists().where(OrderUnit.order_id == Order.id, OrderUnit.unit_id.in_(unit_ids))


def _secrecy_allows(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """An order inherits the level of its lead."""
    seen = exists().where(Lead.id == Order.lead_id, visible_leads(viewer, on))
    return or_(Order.lead_id.is_(None), seen)


def figure_allows(scope: FigureScope) -> ColumnElement[bool]:
    """Of orders about a person's figure, those of which the viewer sees the figure (REGIME 2)."""
    duty = (
        select(RuleVersion.duty)
        .where(RuleVersion.code == Order.rule_code)
        .order_by(RuleVersion.valid_from.desc())
        .limit(1)
        .correlate(Order)
        .scalar_subquery()
    )
    person, unit = Order.person_id.expression, Order.unit_id.expression
    seen = seen_by(scope, person=person, unit=unit, duty=duty)
    return or_(Order.rule_code.is_(None), seen)


def visible(viewer: Viewer, scope: FigureScope, on: date) -> ColumnElement[bool]:
    """Orders that the viewer may see on the date.

    Theirs to answer, to decide or drafted by them, and those that lead or assist in their scope.
    """
    if viewer.role not in WITH_RECORDS:
        return false()
    me = viewer.person_id
    own = [column == me for column in (Order.officer_id, Order.issued_by_id, Order.drafted_by_id)]
    # a draft may still be dropped: it is no matter of the person yet
    told = and_(Order.person_id == me, Order.issued_at.is_not(None))
    near = or_(told, *own)
    if viewer.oversees:
        near |= Order.unit_id.in_(viewer.unit_ids) & _not_on_draft(me)
        near |= and_(Order.issued_at.is_not(None), assisting(viewer.unit_ids))
    return _secrecy_allows(viewer, on) & figure_allows(scope) & near


def _not_on_draft(person_id: int) -> ColumnElement[bool]:
    return or_(
        Order.issued_at.is_not(None), Order.person_id.is_(None), Order.person_id != person_id
    )


def visible_to(
    db: Session, viewer: Viewer, on: date, scope: FigureScope | None = None
) -> Select[Order]:
    """The orders that the viewer may see on the date; `scope` is read where it is not given."""
    return select(Order).where(visible(viewer, scope or figure_scope(db, viewer, on), on))


def may_see(db: Session, viewer: Viewer, order_id: int, on: date) -> bool:
    """Whether the viewer may see the order."""
    seen = visible_to(db, viewer, on).with_only_columns(Order.id)
    return db.scalar(seen.where(Order.id == order_id)) is not None


def may_know(db: Session, viewer: Viewer, order_id: int, on: date) -> bool:
    """Whether neither its lead nor its figure keeps the order from them, once it is issued."""
    allowed = _secrecy_allows(viewer, on) & figure_allows(figure_scope(db, viewer, on))
    return db.scalar(select(Order.id).where(Order.id == order_id, allowed)) is not None


def overdue(on: date) -> ColumnElement[bool]:
    """Orders past their due date with the leading unit to act."""
    return Order.state.in_(WORKING) & (Order.due_on < on)


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
        .execution_options(populate_existing=True)
    )


def waiting_for(
    db: Session, viewer: Viewer, now: datetime, scope: FigureScope | None = None
) -> list[WaitingOrder]:
    """What waits for the viewer, what is overdue first: the lists of *my day*."""
    on = civil_date(now)
    waits = _waits(viewer, on)
    seen = visible(viewer, scope or figure_scope(db, viewer, on), on)
    rows = db.execute(_waiting(viewer, on).where(seen).options(*PARTIES))
    found = [
        WaitingOrder(order, wait, days_overdue(order.state, order.due_on, on))
        for order, *marks in rows
        for wait, is_so in zip(waits, marks, strict=True)
        if is_so
    ]
    places = {wait: place for place, wait in enumerate(waits)}

    return sorted(
        found, key=lambda one: (places[one.wait], one.order.due_on or date.max, one.order.id)
    )


def waits_of(db: Session, viewer: Viewer, order_id: int, now: datetime) -> frozenset[Wait]:
    """For what one order waits for the viewer."""
    on = civil_date(now)
    seen = visible(viewer, figure_scope(db, viewer, on), on)
    row = db.execute(_waiting(viewer, on).where(seen, Order.id == order_id)).first()
    marks = zip(_waits(viewer, on), row[1:], strict=True) if row else ()
    return frozenset(wait for wait, is_so in marks if is_so)


def _waiting(viewer: Viewer, on: date) -> Select[Order, *tuple[Any, ...]]:
    """The orders that wait for the viewer if they see them, each with a mark for every wait."""
    waits = _waits(viewer, on)
    marks = [condition.label(wait.name) for wait, condition in waits.items()]
    return select(Order, *marks).where(or_(*waits.values()))


def _waits(viewer: Viewer, on: date) -> dict[Wait, ColumnElement[bool]]:
    me = viewer.person_id
    posted = select(Posting.unit_id).where(Posting.person_id == me, held_on(on))
    acts, decides = Order.person_id == me, _is_officer(me)
    reached: ColumnElement[bool] = false()

    if viewer.oversees:
        acts |= Order.unit_id.in_(posted) & ~decides
        reached = overdue(on) & Order.reached_unit_id.in_(posted)

    issues: ColumnElement[bool] = Order.officer_id == me
    if viewer.role is Role.ADMIN:  # nobody up the tree supervises
        issues |= Order.officer_id.is_(None)

    answered = (Order.state == OrderState.ANSWERED) & (Order.answered_by_id != me)

    return {
        Wait.OVERDUE: reached,
        Wait.RECEIVE: acts & (Order.state == OrderState.ISSUED),
        Wait.ANSWER: acts & Order.state.in_(ANSWERABLE),
        Wait.ISSUE: issues & (Order.state == OrderState.DRAFT),
        Wait.EXTENSION: decides & Order.asked_due_on.is_not(None),
        Wait.ACCEPT: decides & answered,
    }


def _is_officer(person_id: int) -> ColumnElement[bool]:
    issued = Order.issued_by_id.is_not(None) & (Order.issued_by_id == person_id)
    return or_(and_(Order.officer_id.is_not(None), Order.officer_id == person_id), issued)


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


def state_at(order: Order, as_of: datetime) -> OrderState:
    """The state then, as far as its moments tell it; a return in between is told as it is now."""
    if order.accepted_at is not None and order.accepted_at <= as_of:
        return OrderState.ACCEPTED
    if order.state is OrderState.ACCEPTED or order.state is OrderState.ANSWERED:
        if order.answered_at is not None and order.answered_at <= as_of:
            return OrderState.ANSWERED
        was_received = order.received_at is not None and order.received_at <= as_of
        return OrderState.RECEIVED if was_received else OrderState.ISSUED
    return order.state


def corrections_of_order(db: Session, order: Order) -> list[CorrectionFacts]:
    """What was corrected since of the figures for which the clock drafted it: it may be dropped."""
    if order.rule_code is None or order.person_id is None:
        return []
    return corrections(
        db,
        FigureRecord.rule_code == order.rule_code,
        FigureRecord.person_id == order.person_id,
        FigureRecord.period.in_([order.period, order.earlier_period]),
    )


def periods_of(order: Order) -> Sequence[Period]:
    """The periods that were missed, the earlier first, of an order that the clock drafted so."""
    names = (order.earlier_period, order.period)
    return [Period.parse(name) for name in names if name is not None]


def last_entry(db: Session, order: Order) -> OrderEntry:
    """What happened to the order last."""
    query = select(OrderEntry).where(OrderEntry.order_id == order.id)
    return db.scalars(query.order_by(OrderEntry.id.desc()).limit(1)).one()
