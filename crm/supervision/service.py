"""What happens to a supervision order once it is drafted: issued, answered, accepted (REGIME 5)."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.db import insert_into
from crm.base.errors import Refused
from crm.people.models import Person
from crm.quotas.queries import working_calendar
from crm.supervision.catalog import code_word
from crm.supervision.history import note_and_record, said
from crm.supervision.models import Order, OrderEntry, OrderSeries
from crm.supervision.notifications import require_receivers
from crm.supervision.permissions import later, require, take
from crm.supervision.rules import (
    ANSWERABLE,
    UNDER_WAY,
    WORKING,
    EntryKind,
    OrderState,
    due_on,
    may_ask_extension,
)


def issue_order(db: Session, *, order: Order, by: Person, now: datetime) -> OrderEntry:
    """Issue a draft: it gets its number and its due date.

    Refused as `not_yours`, `order_state`, and where nobody would receive it as `nobody_receives`
    or `nobody_may_know`.
    """
    require(take(db, order, by, now, {OrderState.DRAFT}).decides)
    require_receivers(db, order, by, now)
    on = civil_date(now)
    due = due_on(order.kind, on, working_calendar(db))
    number = _next_number(db, on.year)
    order.code_word, order.number_year, order.number = code_word(), on.year, number
    order.state, order.issued_at, order.issued_by_id = OrderState.ISSUED, now, by.id
    order.first_due_on = order.due_on = due
    after = {"number": order.number_text, "due_on": order.due_on}
    return note_and_record(db, order, EntryKind.ISSUED, by=by, now=now, after=after)


def receive_order(db: Session, *, order: Order, by: Person, now: datetime) -> OrderEntry:
    """Receive an order; refused as `not_yours`, `order_state`."""
    require(take(db, order, by, now, {OrderState.ISSUED}).acts)
    order.state, order.received_at, order.received_by_id = OrderState.RECEIVED, now, by.id
    return note_and_record(db, order, EntryKind.RECEIVED, by=by, now=now)


def add_progress(db: Session, *, order: Order, text: str, by: Person, now: datetime) -> OrderEntry:
    """Tell of progress, for the leading or an assisting unit.

    Refused as `not_yours`, `order_state`, `required`.
    """
    require(take(db, order, by, now, UNDER_WAY).reports)
    told = said(text, "text")
    return note_and_record(db, order, EntryKind.PROGRESS, by=by, now=now, text=told)


def ask_extension(  # noqa: PLR0913 - a request has that many parts
    db: Session, *, order: Order, new_due_on: date, reason: str, by: Person, now: datetime
) -> OrderEntry:
    """Ask for a later due date, before the one that stands (REGIME 5).

    Refused as `not_yours`, `order_state`, `extension_too_late`, `already_asked`, `due_not_later`,
    `required`.
    """
    require(take(db, order, by, now, WORKING).acts)
    due = _due(order)
    if not may_ask_extension(due, civil_date(now)):
        raise Refused("extension_too_late", field="new_due_on", on=due)
    if order.asked_due_on is not None:
        raise Refused("already_asked", field="new_due_on", on=order.asked_due_on)

    text = said(reason, "reason")
    order.asked_due_on, order.asked_by_id = later(new_due_on, due, "new_due_on"), by.id

    return note_and_record(
        *(db, order, EntryKind.EXTENSION_ASKED),
        by=by,
        now=now,
        after={"asked_due_on": new_due_on},
        text=text,
        new_due_on=new_due_on,
    )


def decide_extension(  # noqa: PLR0913 - a decision has that many parts
    db: Session, *, order: Order, is_granted: bool, reason: str = "", by: Person, now: datetime
) -> OrderEntry:
    """Grant what was asked, or refuse it with the reason: then the date stands.

    Refused as `not_yours`, `order_state`, `nothing_asked`, `same_hand`, `required`.
    """
    require(take(db, order, by, now, WORKING).decides)
    asked = order.asked_due_on
    if asked is None:
        raise Refused("nothing_asked")
    if order.asked_by_id == by.id:
        raise Refused("same_hand")

    text = reason.strip() or None if is_granted else said(reason, "reason")
    before = {"due_on": order.due_on}
    order.asked_due_on = order.asked_by_id = None
    if is_granted:
        order.due_on = asked

    return note_and_record(
        *(db, order, EntryKind.EXTENSION_GRANTED if is_granted else EntryKind.EXTENSION_REFUSED),
        by=by,
        now=now,
        before=before,
        after={"due_on": order.due_on},
        text=text,
        new_due_on=asked if is_granted else None,
    )


def answer_order(db: Session, *, order: Order, text: str, by: Person, now: datetime) -> OrderEntry:
    """Answer an order that was received or returned; an extension still asked for is void.

    Refused as `not_yours`, `order_state`, `required`.
    """
    require(take(db, order, by, now, ANSWERABLE).acts)
    told = said(text, "text")
    order.state, order.answered_at, order.answered_by_id = OrderState.ANSWERED, now, by.id
    order.asked_due_on = order.asked_by_id = None
    return note_and_record(db, order, EntryKind.ANSWERED, by=by, now=now, text=told)


def accept_order(db: Session, *, order: Order, basis: str, by: Person, now: datetime) -> OrderEntry:
    """Accept the answer on a stated basis (销号), by another than the one who answered.

    Refused as `not_yours`, `order_state`, `same_hand`, `required`.
    """
    require(take(db, order, by, now, {OrderState.ANSWERED}).decides)
    if order.answered_by_id == by.id:
        raise Refused("same_hand")
    told = said(basis, "basis")
    order.state, order.basis = OrderState.ACCEPTED, told
    order.accepted_at, order.accepted_by_id = now, by.id
    return note_and_record(
        db, order, EntryKind.ACCEPTED, by=by, now=now, after={"basis": told}, text=told
    )


def return_order(  # noqa: PLR0913 - a return has that many parts
    db: Session,
    *,
    order: Order,
    reason: str,
    new_due_on: date | None = None,
    by: Person,
    now: datetime,
) -> OrderEntry:
    """Return the answer with the reason: the unit goes on; with a new due date, else the old one.

    Refused as `not_yours`, `order_state`, `same_hand`, `required`, `due_not_later`.
    """
    require(take(db, order, by, now, {OrderState.ANSWERED}).decides)
    if order.answered_by_id == by.id:
        raise Refused("same_hand")

    text = said(reason, "reason")
    before = {"due_on": order.due_on}
    if new_due_on is not None:
        order.due_on = later(new_due_on, max(_due(order), civil_date(now)), "new_due_on")

    order.state = OrderState.RETURNED

    return note_and_record(
        *(db, order, EntryKind.RETURNED),
        by=by,
        now=now,
        before=before if new_due_on else None,
        after={"due_on": new_due_on} if new_due_on else None,
        text=text,
        new_due_on=new_due_on,
    )


def _due(order: Order) -> date:
    assert order.due_on is not None  # noqa: S101 - a constraint sees to it
    return order.due_on


def _next_number(db: Session, year: int) -> int:
    """The next number of the year, without gap: a rollback gives it back (REGIME 5).

    Whoever takes one holds the year's row until the commit, and the next one waits.
    """
    first = insert_into(db, OrderSeries).values(year=year, last=1)
    taken = first.on_conflict_do_update(
        index_elements=["year"], set_={"last": OrderSeries.last + 1}
    )
    return db.scalars(taken.returning(OrderSeries.last)).one()
