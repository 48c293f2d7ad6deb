"""Rights handed on for a time (代理): who stands in for whom, given and ended."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session, joinedload

from crm.base.audit import record
from crm.base.clock import at_civil, civil_date
from crm.base.errors import Refused
from crm.base.locks import hold
from crm.base.periods import DAY
from crm.base.remembered import remembered_long
from crm.base.value_class import value_class
from crm.people.dated_rights import add_one, lapsed, open_accounts
from crm.people.models import Delegation, Person
from crm.people.rules import AUDITING, DELEGATING, SECURING, STANDING_IN, Role

LOADED = (joinedload(Delegation.owner), joinedload(Delegation.agent))


@value_class(kw_only=True)
class DelegationData:
    """To whom, from which date to which, and why; both dates are included."""

    agent_id: int
    from_on: date
    to_on: date
    reason: str


class Held(NamedTuple):
    """Rights of the owner that the agent has on a date."""

    agent_id: int
    owner_id: int
    name: str
    role: Role


def in_force(on: date) -> ColumnElement[bool]:
    """Delegations that hold on the date: the condition of `stands_in_for`."""
    return and_(
        Delegation.ended_at.is_(None),
        Delegation.from_on <= on,
        Delegation.to_on >= on,
        Delegation.owner_id.in_(open_accounts(on, DELEGATING)),
        Delegation.agent_id.in_(open_accounts(on, STANDING_IN)),
    )


def held_by(db: Session, agent_id: int, on: date) -> list[Held]:
    """Whose rights the person has on the date; all of a date are read at once, as they are few."""
    held = remembered_long(db, "delegations", on, read=lambda: _held_on(db, on))
    return [each for each in held if each.agent_id == agent_id]


def _held_on(db: Session, on: date) -> list[Held]:
    return [Held(*row) for row in db.execute(_held(on))]


@lru_cache(maxsize=8)
def _held(on: date) -> Select[int, int, str, Role]:
    """Put together once a day: that takes longer than the query, which each writer sends."""
    return (
        select(Delegation.agent_id, Delegation.owner_id, Person.name, Person.role)
        .join(Delegation.owner)
        .where(in_force(on))
        .order_by(Delegation.from_on, Delegation.id)
    )


def on_behalf(
    after: Mapping[str, object] | None, for_id: int | None
) -> Mapping[str, object] | None:
    """What an entry of the trail says, with in whose name it was done."""
    return after if for_id is None else {**(after or {}), "on_behalf_of_id": for_id}


def delegations_of(db: Session, person_id: int, on: date) -> Sequence[Delegation]:
    """Those given by and to the person that are not over, people loaded."""
    of_person = or_(Delegation.owner_id == person_id, Delegation.agent_id == person_id)
    query = select(Delegation).where(
        of_person, Delegation.ended_at.is_(None), Delegation.to_on >= on
    )
    return db.scalars(query.options(*LOADED).order_by(Delegation.from_on, Delegation.id)).all()


def delegation_of(db: Session, person_id: int, delegation_id: int) -> Delegation | None:
    """That delegation, where the person gave or has it."""
    query = select(Delegation).where(
        Delegation.id == delegation_id,
        or_(Delegation.owner_id == person_id, Delegation.agent_id == person_id),
    )
    return db.scalar(query.options(*LOADED))


def delegation_seen(db: Session, viewer: Person, delegation_id: int) -> Delegation | None:
    """That delegation, where the viewer gave or has it, or reads accounts."""
    if viewer.role not in SECURING | AUDITING:
        return delegation_of(db, viewer.id, delegation_id)
    return db.scalar(select(Delegation).where(Delegation.id == delegation_id).options(*LOADED))


def delegate(db: Session, *, data: DelegationData, by: Person, now: datetime) -> Delegation:
    """Hand one's own rights on for a time; what one has as somebody's agent is not handed on.

    Refused as `not_yours`, `no_such_person`, `delegation_to_oneself`, `cannot_stand_in`,
    `last_day_before_first`, `delegation_is_over`, `required`, `delegation_there`.
    """
    _hold_both(db, by.id, data.agent_id)
    if by.role not in DELEGATING:
        raise Refused("not_yours")
    agent = _agent(db, by, data.agent_id, now)
    if data.to_on < data.from_on:
        raise Refused("last_day_before_first", field="to_on")
    if data.to_on < civil_date(now):
        raise Refused("delegation_is_over", field="to_on")
    if not (reason := " ".join(data.reason.split())):
        raise Refused("required", field="reason")

    _end_lapsed(db, by.id, agent.id, now)
    delegation = Delegation(
        owner_id=by.id,
        agent_id=agent.id,
        from_on=data.from_on,
        to_on=data.to_on,
        reason=reason,
        given_at=now,
    )
    add_one(db, delegation, "delegation_there", agent)

    after = {"owner_id": by.id, "agent_id": agent.id, "from": data.from_on, "to": data.to_on}
    record(db, "delegation.given", delegation, by=by, at=now, after=after | {"reason": reason})

    return delegation


def end_delegation(db: Session, *, delegation: Delegation, by: Person, now: datetime) -> bool:
    """End it now, as either of the two or as who administers accounts; whether it had not ended."""
    if by.id not in (delegation.owner_id, delegation.agent_id) and by.role not in SECURING:
        raise Refused("not_yours")
    hold(db, delegation)
    if delegation.ended_at is not None:
        return False
    _end(db, delegation, by=by, at=now, now=now)
    return True


def end_delegations_of(
    db: Session, *, person: Person, role: Role | None = None, now: datetime
) -> None:
    """End what the person may not give or have any more in that role; without one: all."""
    given, had = Delegation.owner_id == person.id, Delegation.agent_id == person.id
    over = [given] * (role not in DELEGATING) + [had] * (role not in STANDING_IN)
    if not over:
        return
    query = select(Delegation).where(or_(*over), Delegation.ended_at.is_(None))
    for delegation in db.scalars(query.order_by(Delegation.id).with_for_update()).all():
        _end(db, delegation, by=None, at=now, now=now)


def _end_lapsed(db: Session, owner_id: int, agent_id: int, now: datetime) -> None:
    query = lapsed(Delegation, owner_id, agent_id, civil_date(now))
    for delegation in db.scalars(query.with_for_update()):
        _end(db, delegation, by=None, at=at_civil(delegation.to_on + DAY), now=now)
    db.flush()


def _end(
    db: Session, delegation: Delegation, *, by: Person | None, at: datetime, now: datetime
) -> None:
    delegation.ended_by_id, delegation.ended_at = (by.id if by else None), at
    about = {"owner_id": delegation.owner_id, "agent_id": delegation.agent_id}
    record(db, "delegation.ended", delegation, by=by, at=now, after=about)


def _hold_both(db: Session, owner_id: int, agent_id: int) -> None:
    """Lock and read anew the two: a delegation given while an account closes would outlive it."""
    people = select(Person).where(Person.id.in_([owner_id, agent_id])).order_by(Person.id)
    held = people.with_for_update(key_share=True)
    db.scalars(held.execution_options(populate_existing=True)).all()


def _agent(db: Session, owner: Person, agent_id: int, now: datetime) -> Person:
    agent = db.get(Person, agent_id)
    if agent is None:
        raise Refused("no_such_person", field="agent_id")
    if agent.id == owner.id:
        raise Refused("delegation_to_oneself", field="agent_id")
    if agent.role not in STANDING_IN or agent.is_disabled(now):
        raise Refused("cannot_stand_in", field="agent_id", agent=agent.name)
    return agent
