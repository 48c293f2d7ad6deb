"""Who administers: the last holder of a duty stays, and three people hold them where so set."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.people.models import DutySeparation, Person
from crm.people.rules import HOLDERS, AdminDuty, Role

ONLY = 1  # the id of the one row


class Administering(NamedTuple):
    """Somebody whose account is open and does not close."""

    id: int
    name: str
    role: Role
    can_sign_in: bool  # with a password of their own


def separation_of(db: Session) -> DutySeparation | None:
    """Since when three people administer; none while one may do it all."""
    return db.get(DutySeparation, ONLY)


def administering(db: Session) -> list[Administering]:
    """The people with a role of administration whose accounts stay open, by name.

    Whoever is to leave, be it next month, does not stay; a temporary password may be over before
    it is used.
    """
    can_sign_in = and_(Person.password_hash.is_not(None), Person.is_password_temporary.is_(False))
    query = select(Person.id, Person.name, Person.role, can_sign_in).where(
        Person.role.in_(frozenset().union(*HOLDERS.values())), Person.disabled_at.is_(None)
    )
    return [Administering(*row) for row in db.execute(query.order_by(Person.pinyin, Person.id))]


def holders(people: list[Administering]) -> Mapping[AdminDuty, list[Administering]]:
    """By duty, who would hold it with 三员分立: an admin keeps that of the system."""
    roles = {**HOLDERS} | {
        duty: HOLDERS[duty] - {Role.ADMIN} for duty in (AdminDuty.SECURITY, AdminDuty.AUDIT)
    }
    return {duty: [each for each in people if each.role in roles[duty]] for duty in AdminDuty}


def require_holders_left(db: Session, person: Person, role: Role | None = None) -> None:
    """Refuse to lose the last holder of a duty who can sign in (`last_admin`).

    `role`: what the person is from now on; none: they will not be able to sign in. Where no holder
    can sign in yet, the last one whose account is open stays.
    """
    duties = [duty for duty, roles in HOLDERS.items() if person.role in roles and role not in roles]
    if not duties:
        return

    take_exclusive_lock(db)  # of two who disable each other, the second sees what the first did
    is_separated, people = separation_of(db) is not None, administering(db)
    for duty in duties:
        # while one may do it all, an admin audits, too
        if duty is AdminDuty.AUDIT and not is_separated:
            continue
        opened = {each.id for each in people if each.role in HOLDERS[duty]}
        able = {each.id for each in people if each.role in HOLDERS[duty] and each.can_sign_in}
        if opened <= {person.id} or able == {person.id}:
            raise Refused("last_admin", field="role", duty=duty.label)


def require_role_open(db: Session, role: Role) -> None:
    """Refuse to make somebody an admin of everything while three administer (`separated`)."""
    if role is not Role.ADMIN:
        return
    take_exclusive_lock(db)  # nobody separates the duties meanwhile
    if separation_of(db):
        raise Refused("separated", field="role")
