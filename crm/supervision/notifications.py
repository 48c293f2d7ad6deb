"""Mails about a supervision order: each step to those whom it concerns (REGIME 5)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.outbox import MessageKind
from crm.mailing.service import Envelope, post
from crm.people.models import Person, Posting, Unit
from crm.people.queries import active_at, held_on, posted_as, unit_tree, units_above, viewer
from crm.people.rules import Role
from crm.supervision.models import Order, OrderEntry, OrderUnit
from crm.supervision.queries import may_know, may_see
from crm.supervision.rules import EntryKind, days_overdue

# An admin has the whole zone in scope; orders go up the line of command.
IN_LINE = frozenset({Role.SUPERVISOR, Role.LEADER})
# After these somebody is to act: it must reach somebody.
AWAITED = frozenset(
    {
        EntryKind.DRAFTED,
        EntryKind.EXTENSION_ASKED,
        EntryKind.EXTENSION_GRANTED,
        EntryKind.EXTENSION_REFUSED,
        EntryKind.ANSWERED,
        EntryKind.RETURNED,
        EntryKind.ESCALATED,
    }
)
DECIDED_ON = frozenset({EntryKind.DRAFTED, EntryKind.EXTENSION_ASKED, EntryKind.ANSWERED})
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
    """Those who are told of the step: who may see the order, but for whoever took the step.

    Where somebody is to act next and none of these is left, those who stand in for them.
    """
    people = _people(db, _wanted(db, order, entry) - {entry.by_id}, entry.at)
    seen = seeing(db, order, people, civil_date(entry.at))
    return seen if seen or not _is_awaited(order, entry) else _stand_ins(db, order, entry)


def reaches_nobody(db: Session, order: Order, entry: OrderEntry) -> bool:
    """Whether somebody else is to act next, and nobody who could is left."""
    return _is_awaited(order, entry) and not concerned(db, order, entry)


def _is_awaited(order: Order, entry: OrderEntry) -> bool:
    """Whether somebody else is to act next."""
    is_own_draft = entry.kind is EntryKind.DRAFTED and order.officer_id == entry.by_id
    return entry.kind in AWAITED and not (is_own_draft and entry.by_id)


def _stand_ins(db: Session, order: Order, entry: OrderEntry) -> list[Person]:
    """The nearest up the tree who may see the order, else the admins.

    Whoever decides oversees from above the leading unit; only the top has nobody above it.
    """
    but, on = {entry.by_id, order.person_id}, civil_date(entry.at)
    in_line = posted_as(db, IN_LINE, entry.at)
    chain = units_above(unit_tree(db), order.unit_id)
    for unit_id in (chain[1:] or chain) if entry.kind in DECIDED_ON else chain:
        people = _people(db, {*in_line.get(unit_id, ())} - but, entry.at)
        if seen := seeing(db, order, people, on):
            return seen
    return seeing(db, order, [one for one in admins(db, entry.at) if one.id not in but], on)


def admins(db: Session, at: datetime) -> Sequence[Person]:
    """The admins who may get mail."""
    query = select(Person).where(Person.role == Role.ADMIN, active_at(at))
    return db.scalars(query.order_by(Person.username)).all()


@dataclass(frozen=True, slots=True)
class Receivers:
    """Who receives an order once it is issued."""

    leading: Sequence[Person]  # the person, and supervisors and leaders of the leading unit
    assisting: Sequence[tuple[Unit, Sequence[Person]]]
    hidden: bool = False  # somebody would, but may not know of its lead or figure

    def __bool__(self) -> bool:
        """Whether somebody who is to act would."""
        return bool(self.leading)


def receivers(db: Session, order: Order, by: Person, at: datetime) -> Receivers:
    """Who would receive the order if that person issued it; they themselves are not told."""
    leading = {order.person_id, *_in_line(db, [order.unit_id], at)}
    wanted = _people(db, leading - {by.id}, at)
    assisting = db.scalars(
        select(Unit)
        .join(OrderUnit, OrderUnit.unit_id == Unit.id)
        .where(OrderUnit.order_id == order.id)
        .order_by(Unit.position, Unit.id)
    ).all()
    knowing = _knowing(db, order, wanted, at)
    others = []

    for unit in assisting:
        in_line = _people(db, {*_in_line(db, [unit.id], at)} - {by.id}, at)
        others.append((unit, _knowing(db, order, in_line, at)))

    return Receivers(knowing, others, hidden=bool(wanted) and not knowing)


def require_receivers(db: Session, order: Order, by: Person, at: datetime) -> None:
    """Refuse as `nobody_receives` or `nobody_may_know` an order that would reach nobody."""
    found = receivers(db, order, by, at)
    if not found:
        code = "nobody_may_know" if found.hidden else "nobody_receives"
        raise Refused(code, unit=db.get_one(Unit, order.unit_id).name)


def _knowing(db: Session, order: Order, people: Iterable[Person], at: datetime) -> list[Person]:
    on = civil_date(at)
    return [one for one in people if may_know(db, viewer(db, one, on), order.id, on)]


def _people(db: Session, person_ids: Collection[int | None], at: datetime) -> Sequence[Person]:
    query = select(Person).where(Person.id.in_({*person_ids} - {None}), active_at(at))
    return db.scalars(query.order_by(Person.username)).all()


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
    return post(db, Envelope(kind, key, notice.at), person=person, site=site, notice=notice)
