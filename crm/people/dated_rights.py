"""Rights that one person gives another between two dates: grants to enter, and delegations."""

from collections.abc import Collection
from datetime import date
from typing import TypeVar

from sqlalchemy import Select, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from crm.base.clock import at_civil
from crm.base.errors import Refused
from crm.base.periods import DAY
from crm.people.models import Delegation, EntryGrant, Person
from crm.people.rules import Role

Right = TypeVar("Right", EntryGrant, Delegation)


def open_accounts(on: date, roles: Collection[Role] | None = None) -> Select[int]:
    """Ids of people whose account is open on the date, its end included; of these roles or any."""
    # aliased, as the condition may stand in a query on people
    person = aliased(Person)
    is_open = or_(person.disabled_at.is_(None), person.disabled_at >= at_civil(on + DAY))
    query = select(person.id).where(is_open)
    return query if roles is None else query.where(person.role.in_(roles))


def lapsed(table: type[Right], owner_id: int, agent_id: int, on: date) -> Select[Right]:
    """Rights past their last date that nobody ended: the unique index knows no dates."""
    return select(table).where(
        table.owner_id == owner_id,
        table.agent_id == agent_id,
        table.ended_at.is_(None),
        table.to_on < on,
    )


def add_one(db: Session, right: EntryGrant | Delegation, refusal: str, agent: Person) -> None:
    """Add the right; refused by that code where the two have an open one (the index decides)."""
    try:
        with db.begin_nested():
            db.add(right)
    except IntegrityError as error:
        raise Refused(refusal, field="agent_id", agent=agent.name) from error
