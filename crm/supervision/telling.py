"""Mails about a supervision order: each step to those whom it concerns (REGIME 5)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.outbox import MessageKind
from crm.mailing.service import Letter, post
from crm.people.models import Person, Posting, Unit
from crm.people.queries import active_at, held_on, viewer
from crm.people.rules import Role
from crm.supervision.models import Order, OrderEntry, OrderUnit
from crm.supervision.queries import may_see
from crm.supervision.rules import EntryKind, days_overdue

# An admin has the whole zone in scope; orders go up the line of command.
IN_LINE = frozenset({Role.SUPERVISOR, Role.LEADER})
TOLD_TO_LEADING = frozenset(
    {
        EntryKind.EXTENSION_GRANTED,
        EntryKind.EXTENSION_REFUSED,
        EntryKind.RETURNED,
        EntryKind.ACCEPTED,
    }
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A step of an order as one reader is told of it."""

    order: Order
    entry: OrderEntry
    reader_name: str
    unit_name: str
    person_name: str | None
    days_overdue: int
    is_late: bool
    at: datetime


def tell(db: Session, *, order: Order, entry: OrderEntry, site: Site, late: bool = False) -> int:
    """Put the mails of a step into the outbox, once each; how many."""
    people = concerned(db, order, entry)
    return sum(_put(db, _notice(db, order, entry, one, late=late), one, site) for one in people)


def concerned(db: Session, order: Order, entry: OrderEntry) -> list[Person]:
    """Those who are told of the step: who may see the order, but for whoever took the step."""
    wanted = _wanted(db, order, entry) - {None, entry.by_id}
    query = select(Person).where(Person.id.in_(wanted), active_at(entry.at))
    people = db.scalars(query.order_by(Person.username)).all()
    return seeing(db, order, people, civil_date(entry.at))


def seeing(db: Session, order: Order, people: Iterable[Person], on: date) -> list[Person]:
    """Those of the people who may see the order, whose lead may be kept from them."""
    return [one for one in people if may_see(db, viewer(db, one, on), order.id, on)]


def _wanted(db: Session, order: Order, entry: OrderEntry) -> set[int | None]:
    wanted: set[int | None] = set()
    match entry.kind:
        case EntryKind.DRAFTED:
            wanted = {order.officer_id}
        case EntryKind.DROPPED:
            wanted = {order.drafted_by_id}
        case EntryKind.EXTENSION_ASKED | EntryKind.ANSWERED:
            wanted = {order.officer_id, order.issued_by_id}
        case EntryKind.ESCALATED:
            wanted = {*_in_line(db, [order.reached_unit_id or order.unit_id], entry.at)}
        case EntryKind.ISSUED:
            units = select(OrderUnit.unit_id).where(OrderUnit.order_id == order.id)
            unit_ids = [order.unit_id, *db.scalars(units)]
            wanted = {order.person_id, *_in_line(db, unit_ids, entry.at)}
        case kind if kind in TOLD_TO_LEADING:
            in_line = _in_line(db, [order.unit_id], entry.at)
            wanted = {order.person_id, order.answered_by_id, *in_line}
    return wanted


def _in_line(db: Session, unit_ids: Collection[int], at: datetime) -> Collection[int]:
    """The supervisors and leaders posted in these units."""
    query = (
        select(Posting.person_id)
        .join(Person, Person.id == Posting.person_id)
        .where(Posting.unit_id.in_(unit_ids), held_on(civil_date(at)), Person.role.in_(IN_LINE))
    )
    return db.scalars(query).all()


def _notice(db: Session, order: Order, entry: OrderEntry, reader: Person, *, late: bool) -> Notice:
    person = db.get(Person, order.person_id) if order.person_id else None
    return Notice(
        order=order,
        entry=entry,
        reader_name=reader.name,
        unit_name=db.get_one(Unit, order.unit_id).name,
        person_name=person.name if person else None,
        days_overdue=days_overdue(order.state, order.due_on, civil_date(entry.at)),
        is_late=late,
        at=entry.at,
    )


def _put(db: Session, notice: Notice, person: Person, site: Site) -> bool:
    kind, entry = MessageKind.ORDER, notice.entry
    key = f"{kind.value}:{notice.order.id}:{person.username}:{entry.id}:{entry.kind}"
    return post(db, Letter(kind, key, notice.at), person=person, site=site, notice=notice)
