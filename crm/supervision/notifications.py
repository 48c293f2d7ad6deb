"""Mails about a supervision order: who is told of a step, and who receives a draft (REGIME 5)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.outbox import MessageKind
from crm.base.value_class import value_class
from crm.mailing.service import Envelope, post
from crm.people.models import Person, Unit
from crm.people.permissions import viewer
from crm.supervision.assignees import actor_ids, assignees, in_line_of, people_of, seeing
from crm.supervision.models import Order, OrderEntry, OrderUnit
from crm.supervision.permissions import conditions_of, may_know
from crm.supervision.rules import days_overdue
from crm.supervision.workflow import ORDER_WORKFLOW, STEP_OF_ENTRY, Step


@value_class
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
    people = readers_of(db, order, entry)
    return sum(
        _put(db, _notice(db, order, entry, person, late=late), person, site) for person in people
    )


def readers_of(db: Session, order: Order, entry: OrderEntry) -> list[Person]:
    """The people who get a mail about a step, except the person who took it.

    These are the actors that the workflow `tells`, and the people whose task the next step is.
    All of them may see the order.
    """
    step = STEP_OF_ENTRY.get(entry.kind)
    if step is None:
        return []

    ids = actor_ids(db, order, ORDER_WORKFLOW.of(step).tells, entry.at) - {entry.by_id}
    people = seeing(db, order, people_of(db, ids, entry.at), civil_date(entry.at))
    # One mail a person and step, and none to whoever took it.
    known = {person.id for person in people} | {entry.by_id}
    people += [person for person in _next_assignees(db, order, entry) if person.id not in known]

    return sorted(people, key=lambda person: person.username)


def reaches_nobody(db: Session, order: Order, entry: OrderEntry) -> bool:
    """Whether a next step is awaited, and nobody is left who could take it."""
    is_awaited = any(_next_steps(order, entry))
    return is_awaited and not _next_assignees(db, order, entry)


def _next_assignees(db: Session, order: Order, entry: OrderEntry) -> list[Person]:
    return [
        person
        for step in _next_steps(order, entry)
        for person in assignees(db, order, step, entry.at)
    ]


def _next_steps(order: Order, entry: OrderEntry) -> list[Step]:
    """The awaited steps that are the task of somebody who is told of this one."""
    step = STEP_OF_ENTRY.get(entry.kind)
    tells = set(ORDER_WORKFLOW.of(step).tells) if step else set()
    conditions = conditions_of(order, civil_date(entry.at))
    awaited = ORDER_WORKFLOW.awaited(order.state, conditions)
    return [row.step for row in awaited if not tells.isdisjoint(row.waits_for)]


@value_class
class Receivers:
    """Who receives an order once it is issued."""

    leading: Sequence[Person]  # the person, and supervisors and leaders of the leading unit
    assisting: Sequence[tuple[Unit, Sequence[Person]]]
    hidden: bool = False  # there are people, but none may know of its lead or figure

    def __bool__(self) -> bool:
        """Whether somebody who can act is reached."""
        return bool(self.leading)


def receivers(db: Session, order: Order, by: Person, at: datetime) -> Receivers:
    """Who would receive the order if `by` issued it; `by` is not among them."""
    leading = {order.person_id, *in_line_of(db, [order.unit_id], at)}
    wanted = people_of(db, leading - {by.id}, at)
    assisting = db.scalars(
        select(Unit)
        .join(OrderUnit, OrderUnit.unit_id == Unit.id)
        .where(OrderUnit.order_id == order.id)
        .order_by(Unit.position, Unit.id)
    ).all()
    knowing = _knowing(db, order, wanted, at)
    others = []

    for unit in assisting:
        in_line = people_of(db, {*in_line_of(db, [unit.id], at)} - {by.id}, at)
        others.append((unit, _knowing(db, order, in_line, at)))

    return Receivers(knowing, others, hidden=bool(wanted) and not knowing)


def require_receivers(db: Session, order: Order, by: Person, at: datetime) -> None:
    """Refuse as `nobody_receives` or `nobody_may_know` an order that would reach nobody."""
    reached = receivers(db, order, by, at)
    if not reached:
        code = "nobody_may_know" if reached.hidden else "nobody_receives"
        raise Refused(code, unit=db.get_one(Unit, order.unit_id).name)


def _knowing(db: Session, order: Order, people: Iterable[Person], at: datetime) -> list[Person]:
    on = civil_date(at)
    return [person for person in people if may_know(db, viewer(db, person, on), order.id, on)]


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
