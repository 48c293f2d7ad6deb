"""三员分立: the duties of administration given to three people, and taken back to one."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.people.admin_duties import ONLY, administering, holders, separation_of
from crm.people.models import DutySeparation, Person
from crm.people.rules import SECURING, Role
from crm.people.service import change_person


def separate_duties(db: Session, *, by: Person, now: datetime) -> DutySeparation:
    """Let three people administer from now on; every admin keeps the system, and no more.

    Refused as `not_yours`, `separated`, `duty_without_holder`.
    """
    _require_right(by)
    take_exclusive_lock(db)
    if separation_of(db):
        raise Refused("separated")
    missing = [
        duty.label
        for duty, people in holders(administering(db)).items()
        if not any(each.can_sign_in for each in people)
    ]
    if missing:
        raise Refused("duty_without_holder", duties="、".join(missing))

    # closed accounts, too: one that is opened again is no admin of everything
    for admin in db.scalars(select(Person).where(Person.role == Role.ADMIN).order_by(Person.id)):
        change_person(
            db,
            person=admin,
            name=admin.name,
            email=admin.email,
            phone=admin.phone,
            role=Role.SYSTEM_ADMIN,
            by=by,
            now=now,
        )
    separation = DutySeparation(id=ONLY, begun_at=now, begun_by_id=by.id)
    db.add(separation)
    record(db, "duties.separated", separation, by=by, at=now, after={"since": now})

    return separation


def unite_duties(db: Session, *, why: str, by: Person, now: datetime) -> None:
    """Let one person administer everything again, once they are given the role.

    Refused as `not_yours`, `required`, `not_separated`.
    """
    _require_right(by)
    if not (why := " ".join(why.split())):
        raise Refused("required", field="why")
    take_exclusive_lock(db)
    if (separation := separation_of(db)) is None:
        raise Refused("not_separated")
    before, after = {"since": separation.begun_at}, {"reason": why}
    record(db, "duties.united", separation, by=by, at=now, before=before, after=after)
    db.delete(separation)
    db.flush()


def _require_right(by: Person) -> None:
    if by.role not in SECURING:
        raise Refused("not_yours")
