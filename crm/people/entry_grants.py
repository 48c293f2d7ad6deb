"""Grants to enter visits for another person (代录, REGIME 2)."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session, joinedload

from crm.base.audit import record
from crm.base.clock import at_civil, civil_date
from crm.base.errors import Refused
from crm.base.locks import hold
from crm.base.periods import DAY
from crm.base.value_class import value_class
from crm.people.dated_rights import add_one, lapsed, open_accounts
from crm.people.models import EntryGrant, Person
from crm.people.rules import SECURING, WITH_RECORDS

LOADED = (joinedload(EntryGrant.owner), joinedload(EntryGrant.agent))


@value_class(kw_only=True)
class GrantData:
    """Who may enter visits, from which date to which; both are included."""

    agent_id: int
    from_on: date
    to_on: date | None = None


# kept, as each visit that is changed asks for it: to put it together takes longer than to run it
@lru_cache(maxsize=64)
def in_force(on: date) -> ColumnElement[bool]:
    """Grants that hold on the date: the condition of `may_enter_for`."""
    return and_(
        EntryGrant.ended_at.is_(None),
        EntryGrant.from_on <= on,
        or_(EntryGrant.to_on.is_(None), EntryGrant.to_on >= on),
        EntryGrant.owner_id.in_(open_accounts(on)),
        EntryGrant.agent_id.in_(open_accounts(on, WITH_RECORDS)),
    )


@lru_cache(maxsize=256)
def owners_of(agent_id: int, on: date) -> Select[int]:
    """Ids of the people for whom that person may enter visits on the date."""
    return select(EntryGrant.owner_id).where(EntryGrant.agent_id == agent_id, in_force(on))


@value_class
class DayGrants:
    """What *my day* shows of grants: for whom a person enters, and what others changed."""

    owners: list[Person]  # by pinyin
    changed: list[EntryGrant]  # given or ended by another, people loaded


def day_grants(db: Session, person_id: int, on: date, *, since: datetime) -> DayGrants:
    """For whom the person enters on the date, and what another has changed since then."""
    is_mine = (EntryGrant.agent_id == person_id) & in_force(on)
    is_changed = changed_by_another(person_id, since)
    query = select(EntryGrant, is_mine.label("is_mine"), is_changed.label("is_changed"))
    rows = db.execute(
        query.where(or_(is_mine, is_changed))
        .options(*LOADED)
        .order_by(EntryGrant.from_on, EntryGrant.id)
    ).all()

    owners = {row[0].owner for row in rows if row.is_mine}
    return DayGrants(
        sorted(owners, key=lambda owner: (owner.pinyin, owner.username)),
        [row[0] for row in rows if row.is_changed],
    )


def entered_for(db: Session, agent_id: int, on: date) -> list[Person]:
    """The people for whom that person may enter visits on the date, by pinyin."""
    query = select(Person).where(Person.id.in_(owners_of(agent_id, on)))
    return list(db.scalars(query.order_by(Person.pinyin, Person.username)))


def grants_of(db: Session, person_id: int) -> Sequence[EntryGrant]:
    """The grants by and to that person which have not ended, people loaded."""
    is_party = or_(EntryGrant.owner_id == person_id, EntryGrant.agent_id == person_id)
    query = select(EntryGrant).where(is_party, EntryGrant.ended_at.is_(None)).options(*LOADED)
    return db.scalars(query.order_by(EntryGrant.from_on, EntryGrant.id)).all()


def grant_of(db: Session, owner_id: int, grant_id: int) -> EntryGrant | None:
    """That grant, where the owner gave it."""
    query = select(EntryGrant).where(EntryGrant.id == grant_id, EntryGrant.owner_id == owner_id)
    return db.scalar(query)


def changed_by_another(person_id: int, since: datetime) -> ColumnElement[bool]:
    """Grants to or of the person that another has given or ended since then."""
    given = and_(EntryGrant.granted_at >= since, EntryGrant.granted_by_id != person_id)
    # nobody ended it: it lapsed, or ended with an account
    is_by_another = or_(EntryGrant.ended_by_id.is_(None), EntryGrant.ended_by_id != person_id)
    return and_(
        or_(EntryGrant.owner_id == person_id, EntryGrant.agent_id == person_id),
        or_(given, and_(EntryGrant.ended_at >= since, is_by_another)),
    )


def grant_entry(
    db: Session, *, owner: Person, data: GrantData, by: Person, now: datetime
) -> EntryGrant:
    """Let another enter visits for the owner; by the owner or an admin.

    Refused as `not_yours`, `no_such_person`, `grant_to_oneself`, `cannot_enter`,
    `last_day_before_first`, `grant_is_over`, `grant_there`.
    """
    _require_right(owner.id, by)
    agent = _agent(db, owner, data.agent_id, now)
    _check_dates(data, civil_date(now))
    _end_lapsed(db, owner.id, agent.id, now)
    grant = EntryGrant(
        owner_id=owner.id,
        agent_id=agent.id,
        from_on=data.from_on,
        to_on=data.to_on,
        granted_by_id=by.id,
        granted_at=now,
    )
    add_one(db, grant, "grant_there", agent)

    after = {"owner_id": owner.id, "agent_id": agent.id, "from": data.from_on, "to": data.to_on}
    record(db, "entry_grant.given", grant, by=by, at=now, after=after)

    return grant


def end_grant(db: Session, *, grant: EntryGrant, by: Person, now: datetime) -> None:
    """End a grant now, as its owner or an admin; one that has ended stays as it is."""
    _require_right(grant.owner_id, by)
    hold(db, grant)
    if grant.ended_at is None:
        _end(db, grant, by=by, at=now, now=now)


def end_grants_of(db: Session, *, person: Person, now: datetime) -> int:
    """End all grants to and by a person whose account is closed; how many."""
    mine = or_(EntryGrant.owner_id == person.id, EntryGrant.agent_id == person.id)
    return _end_all(db, mine, now)


def end_grants_to(db: Session, *, person: Person, now: datetime) -> int:
    """End all grants to a person who becomes a reader; how many."""
    return _end_all(db, EntryGrant.agent_id == person.id, now)


def _end_all(db: Session, whose: ColumnElement[bool], now: datetime) -> int:
    query = select(EntryGrant).where(whose, EntryGrant.ended_at.is_(None)).with_for_update()
    grants = db.scalars(query.order_by(EntryGrant.id)).all()
    for grant in grants:
        _end(db, grant, by=None, at=now, now=now)
    return len(grants)


def _end_lapsed(db: Session, owner_id: int, agent_id: int, now: datetime) -> None:
    """End earlier grants that are past their last date, so that a new one may be given."""
    query = lapsed(EntryGrant, owner_id, agent_id, civil_date(now))
    for grant in db.scalars(query.with_for_update()):
        _end(db, grant, by=None, at=at_civil((grant.to_on or date.max) + DAY), now=now)
    db.flush()


def _end(db: Session, grant: EntryGrant, *, by: Person | None, at: datetime, now: datetime) -> None:
    grant.ended_by_id, grant.ended_at = (by.id if by else None), at
    about = {"owner_id": grant.owner_id, "agent_id": grant.agent_id}
    record(db, "entry_grant.ended", grant, by=by, at=now, after=about)


def _require_right(owner_id: int, by: Person) -> None:
    if by.id != owner_id and by.role not in SECURING:
        raise Refused("not_yours")


def _agent(db: Session, owner: Person, agent_id: int, now: datetime) -> Person:
    agent = db.get(Person, agent_id)
    if agent is None:
        raise Refused("no_such_person", field="agent_id")
    if agent.id == owner.id:
        raise Refused("grant_to_oneself", field="agent_id")
    if agent.role not in WITH_RECORDS or any(
        account.is_disabled(now) for account in (agent, owner)
    ):
        raise Refused("cannot_enter", field="agent_id", agent=agent.name)
    return agent


def _check_dates(data: GrantData, on: date) -> None:
    if data.to_on and data.to_on < data.from_on:
        raise Refused("last_day_before_first", field="to_on")
    if data.to_on and data.to_on < on:
        raise Refused("grant_is_over", field="to_on")
