"""For whom an order may wait at all, so that nobody else need be asked about (REGIME 5)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.people.models import Person, Posting
from crm.people.queries import held_on
from crm.people.rules import OVERSEEING, Role
from crm.supervision.models import Order
from crm.supervision.rules import CLOSED


def perhaps_waited_for(db: Session, now: datetime) -> frozenset[int]:
    """Ids of the people whom an order that is not closed may wait for, in three queries at most."""
    people = (Order.person_id, Order.officer_id, Order.issued_by_id)
    rows = db.execute(
        select(*people, Order.unit_id, Order.reached_unit_id).where(Order.state.not_in(CLOSED))
    ).all()
    if not rows:
        return frozenset()

    found = {one for row in rows for one in row[: len(people)] if one is not None}
    units = {one for row in rows for one in row[len(people) :] if one is not None}
    posted = (
        select(Posting.person_id)
        .join(Person, Person.id == Posting.person_id)
        .where(Posting.unit_id.in_(units), held_on(civil_date(now)), Person.role.in_(OVERSEEING))
    )
    found.update(db.scalars(posted))
    if any(row.officer_id is None for row in rows):
        found.update(db.scalars(select(Person.id).where(Person.role == Role.ADMIN)))

    return frozenset(found)
