"""For whom an order waits: as people for one order, and as a list for one person (REGIME 5).

Whose task a step is stands in the workflow. Where none of them can take it, it falls to the
nearest supervisors and leaders up the tree who may see the order, else to the admins.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Exists, Select, and_, exists, false, or_, select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.value_class import value_class
from crm.people.models import Person, Posting
from crm.people.permissions import Viewer, viewer
from crm.people.queries import active_at, held_on
from crm.people.rules import OVERSEEING, WITH_RECORDS, Role
from crm.quotas.permissions import FigureScope, figure_scope
from crm.supervision.models import Order, OrderUnit
from crm.supervision.permissions import (
    COLUMNS,
    IN_LINE,
    actor_conditions,
    condition_sql,
    ids_of,
    may_see,
    may_take,
    visible,
)
from crm.supervision.queries import PARTIES
from crm.supervision.rules import CLOSED, days_overdue
from crm.supervision.stand_ins import StandIns, excluded_ids
from crm.supervision.workflow import ORDER_WORKFLOW, STEP_OF_WAIT, Actor, Step, Wait

# The actors that are people posted in one unit, with the column of that unit.
LINE_UNITS = {
    Actor.LINE: Order.unit_id,
    Actor.RECEIVING_LINE: Order.unit_id,
    Actor.REACHED: Order.reached_unit_id,
}


@value_class
class WaitingOrder:
    """An order that waits for a person, and for what; unit, person and officer loaded."""

    order: Order
    wait: Wait
    days_overdue: int


# the people for whom one order waits


def assignees(db: Session, order: Order, step: Step, at: datetime) -> list[Person]:
    """The people whose task the step is."""
    row = ORDER_WORKFLOW.of(step)
    ids = actor_ids(db, order, row.waits_for, at) - excluded_ids(order, step)
    people = seeing(db, order, people_of(db, ids, at), civil_date(at))
    return people or StandIns(db, [order], at).of(order, step)


def actor_ids(
    db: Session, order: Order, actors: Collection[Actor], at: datetime
) -> set[int | None]:
    """Ids of the people who are one of these to the order; of a scope's actors nobody."""
    ids: set[int | None] = set()

    for actor in actors:
        if actor in COLUMNS:
            ids |= ids_of(order, [actor])
        elif actor is Actor.ASSISTING_LINE:
            units = select(OrderUnit.unit_id).where(OrderUnit.order_id == order.id)
            ids.update(in_line_of(db, db.scalars(units).all(), at))
        elif (unit_id := getattr(order, LINE_UNITS[actor].key)) is not None:
            # whoever issued the order does not receive it as well
            but = {order.issued_by_id} if actor is Actor.RECEIVING_LINE else set()
            ids.update({*in_line_of(db, [unit_id], at)} - but)

    return ids


def in_line_of(db: Session, unit_ids: Collection[int], at: datetime) -> Collection[int]:
    """The supervisors and leaders posted in these units."""
    query = (
        select(Posting.person_id)
        .join(Person, Person.id == Posting.person_id)
        .where(Posting.unit_id.in_(unit_ids), held_on(civil_date(at)), Person.role.in_(IN_LINE))
    )
    return db.scalars(query).all()


def people_of(db: Session, person_ids: Collection[int | None], at: datetime) -> Sequence[Person]:
    """Those of the people whose accounts are open, by username."""
    query = select(Person).where(Person.id.in_({*person_ids} - {None}), active_at(at))
    return db.scalars(query.order_by(Person.username)).all()


def seeing(db: Session, order: Order, people: Iterable[Person], on: date) -> list[Person]:
    """Those of the people who may see the order."""
    return [person for person in people if may_see(db, viewer(db, person, on), order.id, on)]


def admins(db: Session, at: datetime) -> Sequence[Person]:
    """The admins who may get mail."""
    query = select(Person).where(Person.role == Role.ADMIN, active_at(at))
    return db.scalars(query.order_by(Person.username)).all()


# the orders that wait for one person


def waiting_for(
    db: Session, viewer: Viewer, now: datetime, scope: FigureScope | None = None
) -> list[WaitingOrder]:
    """What waits for the viewer, the most pressing first: the lists of *my day*."""
    on = civil_date(now)
    seen = visible(viewer, scope or figure_scope(db, viewer, on), on)
    query = _waiting(viewer, now).where(seen).options(*PARTIES)
    waiting = [
        WaitingOrder(order, wait, days_overdue(order.state, order.due_on, on))
        for order, wait in _waits(db, viewer, query, now)
    ]
    places = {wait: place for place, wait in enumerate(Wait)}

    return sorted(
        waiting,
        key=lambda item: (places[item.wait], item.order.due_on or date.max, item.order.id),
    )


def waits_of(db: Session, viewer: Viewer, order_id: int, now: datetime) -> frozenset[Wait]:
    """For what one order waits for the viewer."""
    on = civil_date(now)
    seen = visible(viewer, figure_scope(db, viewer, on), on)
    query = _waiting(viewer, now).where(seen, Order.id == order_id)
    return frozenset(wait for _, wait in _waits(db, viewer, query, now))


def _waits(
    db: Session, viewer: Viewer, query: Select[Order, *tuple[Any, ...]], now: datetime
) -> list[tuple[Order, Wait]]:
    """The waits among the rows of `_waiting`: own ones by mark, vacant ones by who stands in."""
    own, vacant = [], []
    for order, *marks in db.execute(query).all():
        # not strict: the marks of vacant tasks follow the own ones
        own += [(order, wait) for wait, mark in zip(Wait, marks, strict=False) if mark]
        marks_of_nobody = marks[len(Wait) :]
        vacant += [(order, wait) for wait, mark in zip(Wait, marks_of_nobody, strict=True) if mark]

    if not vacant:
        return own

    # The query only narrows it down: who is nearest up the tree is decided here.
    stand_ins = StandIns(db, [order for order, _ in vacant], now)
    return own + [
        (order, wait)
        for order, wait in vacant
        if viewer.person in stand_ins.of(order, STEP_OF_WAIT[wait])
    ]


def _waiting(viewer: Viewer, now: datetime) -> Select[Order, *tuple[Any, ...]]:
    """The orders that may wait for the viewer, each with two marks for every wait.

    The first mark: the step is the viewer's task. The second: it is nobody's task, and the
    viewer may stand in.
    """
    on = civil_date(now)
    actors = actor_conditions(viewer, on)
    own, vacant = [], []

    for wait in Wait:
        row = ORDER_WORKFLOW.of(STEP_OF_WAIT[wait])
        may = may_take(row.step, actors, on)
        own.append(may & or_(*(actors[actor] for actor in row.waits_for)))
        stands_in = viewer.role in IN_LINE | {Role.ADMIN} and row.else_for is not None
        vacant.append(may & _nobodys_task(row.step, now) if stands_in else false())

    marks = [condition.label(f"mark_{place}") for place, condition in enumerate([*own, *vacant])]
    return select(Order, *marks).where(or_(*own, *vacant))


def _nobodys_task(step: Step, now: datetime) -> ColumnElement[bool]:
    """Orders where nobody with an open account has the step as their task."""
    row = ORDER_WORKFLOW.of(step)
    # Not `!=`: an empty column excludes nobody.
    never = (Person.id.is_distinct_from(column) for actor in row.never for column in COLUMNS[actor])
    open_account = and_(active_at(now), *never)
    named = [column for actor in row.waits_for for column in COLUMNS.get(actor, ())]
    tasked = [
        _line_exists(actor, now, open_account) for actor in row.waits_for if actor in LINE_UNITS
    ]

    if named:
        tasked.append(
            exists()
            .where(Person.id.in_(named), Person.role.in_(WITH_RECORDS), open_account)
            .correlate(Order)
        )

    return and_(*(~condition for condition in tasked))


def _line_exists(actor: Actor, now: datetime, open_account: ColumnElement[bool]) -> Exists:
    """Orders of which the line that `actor` names has somebody."""
    conditions = [
        Posting.unit_id == LINE_UNITS[actor],
        Posting.person_id == Person.id,
        held_on(civil_date(now)),
        Person.role.in_(IN_LINE),
        open_account,
    ]
    if actor is Actor.RECEIVING_LINE:
        conditions.append(Person.id.is_distinct_from(Order.issued_by_id))
    return exists().where(*conditions).correlate(Order)


def possible_assignees(db: Session, now: datetime) -> frozenset[int]:
    """Ids of all people for whom an order may wait; the morning brief asks about no others."""
    people = (Order.person_id, Order.officer_id, Order.issued_by_id)
    vacant = or_(*(_is_vacant(wait, now) for wait in Wait))
    rows = db.execute(
        select(*people, Order.unit_id, Order.reached_unit_id, vacant.label("is_vacant")).where(
            Order.state.not_in(CLOSED)
        )
    ).all()
    if not rows:
        return frozenset()

    found = {person_id for row in rows for person_id in row[: len(people)] if person_id}
    units = {unit_id for row in rows for unit_id in (row.unit_id, row.reached_unit_id) if unit_id}
    found.update(in_line_of(db, units, now))
    if any(row.is_vacant for row in rows):
        # Who stands in differs from order to order; here too many people do no harm.
        found.update(db.scalars(select(Person.id).where(Person.role.in_(OVERSEEING))))

    return frozenset(found)


def _is_vacant(wait: Wait, now: datetime) -> ColumnElement[bool]:
    row = ORDER_WORKFLOW.of(STEP_OF_WAIT[wait])
    conditions = [condition_sql(condition, civil_date(now)) for condition in row.when]
    return and_(Order.state.in_(row.sources), *conditions, _nobodys_task(row.step, now))
