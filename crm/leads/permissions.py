"""What changes of a lead rest on: the right to make them, and somebody named on it (REGIME 2)."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.leads.models import Lead
from crm.leads.queries import in_charge, may_change
from crm.leads.rules import Secrecy
from crm.leads.seers import gaps, named_supervisors, supervisors_over
from crm.people.models import Person
from crm.people.queries import at_work, viewer
from crm.people.rules import WITH_RECORDS, Role


def require_change(db: Session, lead: Lead, by: Person | None, now: datetime) -> None:
    """Refuse whoever may not change the lead; hold its row against a change at the same time."""
    on = civil_date(now)
    if by and not may_change(db, viewer(db, by, on), lead.id, on):
        raise Refused("not_yours")
    db.execute(select(Lead.id).where(Lead.id == lead.id).with_for_update())


def require_somebody_named(db: Session, lead: Lead, on: date) -> None:
    """Refuse what would leave a restricted lead that nobody sees, now or on a later date."""
    db.flush()
    if gaps(db, on, lead_ids=[lead.id]):
        raise Refused("last_named", field="person")


def colleague_of(
    db: Session,
    person_id: int | None,
    field: str,
    *,
    on: date,
    roles: Collection[Role] = WITH_RECORDS,
) -> Person:
    """The person of that id, of those whom a form offers: posted, and of one of the roles."""
    found = select(Person).where(Person.id == person_id, Person.role.in_(roles), at_work(on))
    person = db.scalar(found)
    if person is None:
        raise Refused("no_such_person", field=field)
    return person


def require_overseen(
    db: Session, lead: Lead, *, was_overseen: bool, by: Person | None, on: date
) -> None:
    """Refuse whoever does not oversee it to take a restricted lead from all its supervisors."""
    if by is None or not was_overseen or lead.secrecy is not Secrecy.RESTRICTED:
        return
    db.flush()
    over = supervisors_over(db, lead.id, on)
    if not over or named_supervisors(db, lead.id, on):
        return
    if by.role is Role.ADMIN or (by.role is Role.LEADER and _oversees(db, by, lead, on)):
        return
    names = db.scalars(select(Person.name).where(Person.id.in_(over)).order_by(Person.id))
    raise Refused("supervisor_needed", field="informed_id", people="、".join(names))


def _oversees(db: Session, by: Person, lead: Lead, on: date) -> bool:
    units = viewer(db, by, on).unit_ids
    return db.scalar(select(Lead.id).where(Lead.id == lead.id, in_charge(units, on))) is not None
