"""A restricted lead never loses its last person who may see it (REGIME 2).

What `reassignment` has not given to a named successor falls here, as the transaction commits.
"""

from collections.abc import Iterable
from datetime import date, datetime, time

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import at_civil, civil_date
from crm.base.value_class import value_class
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import first_unseen_dates, supervisors_of_lead, supervisors_of_unit
from crm.leads.roles import end_roles_of, name_holder
from crm.leads.rules import LeadRoleKind
from crm.people.accounts import RecordAccessEnded
from crm.people.models import Person, Posting
from crm.people.queries import active_at
from crm.people.rules import Role


@value_class
class Vacancy:
    """A restricted lead that nobody sees from a date on, once the leaver no longer does."""

    lead: Lead
    leaver: Person | None
    from_on: date


def give_unseen_leads(db: Session, ended: Iterable[RecordAccessEnded]) -> int:
    """Give the leads that nobody sees once these people do not to successors; how many."""
    # who still sees a lead is read from the database
    db.flush()
    given = 0

    for closing in ended:
        held = set(db.scalars(_held_by(closing.person)))
        unseen = first_unseen_dates(db, civil_date(closing.at), lead_ids=held)
        for lead_id, from_on in unseen.items():
            vacancy = Vacancy(db.get_one(Lead, lead_id), closing.person, from_on)
            given += _give(db, vacancy, by=closing.by, now=closing.at)

    return given


def give_leads_nobody_sees(db: Session, *, at: datetime) -> int:
    """Give each restricted lead that nobody may see to a successor: the daily job; how many."""
    on = civil_date(at)
    given = 0

    for lead_id, from_on in first_unseen_dates(db, on).items():
        if from_on <= on:
            vacancy = Vacancy(db.get_one(Lead, lead_id), _last_named(db, lead_id), on)
            given += _give(db, vacancy, by=None, now=at)

    return given


def _give(db: Session, vacancy: Vacancy, *, by: Person | None, now: datetime) -> bool:
    """Give it to the nearest supervisor of the unit, else to an admin; False without either."""
    successor_id = _nearest_supervisor(db, vacancy) or _an_admin(db, vacancy, by)
    if successor_id is None:
        return False  # the clock looks again each day
    _succeed(db, vacancy, db.get_one(Person, successor_id), by=by, now=now)
    return True


def _succeed(
    db: Session, vacancy: Vacancy, successor: Person, *, by: Person | None, now: datetime
) -> None:
    lead, leaver, from_on = vacancy.lead, vacancy.leaver, vacancy.from_on
    freed = end_roles_of(db, lead, leaver.id, from_on) if leaver else []
    for role in freed or [LeadRoleKind.TASK_FORCE_MEMBER]:
        name_holder(db, lead=lead, role=role, holder=successor, from_on=from_on, by=by, now=now)
    before = {"person_id": leaver.id if leaver else None}
    after = {"person_id": successor.id, "from_on": from_on}
    record(db, "lead.succeeded", lead, by=by, at=now, before=before, after=after)


def _held_by(person: Person) -> Select[int]:
    return select(LeadRole.lead_id).where(LeadRole.person_id == person.id)


def _last_named(db: Session, lead_id: int) -> Person | None:
    """Whoever was named on the lead last."""
    named = select(Person).join(LeadRole, LeadRole.person_id == Person.id)
    # false sorts first: an open role before one that has ended
    latest = (LeadRole.to_on.is_not(None), LeadRole.to_on.desc(), LeadRole.id.desc())
    return db.scalar(named.where(LeadRole.lead_id == lead_id).order_by(*latest).limit(1))


def _nearest_supervisor(db: Session, vacancy: Vacancy) -> int | None:
    """By id, the nearest supervisor at or above the lead's unit, else the leaver's last one."""
    leaver, on = vacancy.leaver, vacancy.from_on
    own = supervisors_of_lead(db, vacancy.lead.id, on)
    if not own and leaver:
        unit_id = db.scalar(_last_unit(leaver))
        own = supervisors_of_unit(db, unit_id, on) if unit_id else []
    return next(
        (supervisor for supervisor in own if leaver is None or supervisor != leaver.id), None
    )


def _last_unit(person: Person) -> Select[int]:
    posted = select(Posting.unit_id).where(Posting.person_id == person.id, Posting.is_primary)
    return posted.order_by(Posting.from_on.desc()).limit(1)


def _an_admin(db: Session, vacancy: Vacancy, by: Person | None) -> int | None:
    """An admin by id: another than whoever closed the account, where there is one."""
    admins = select(Person.id).where(Person.role == Role.ADMIN, active_at(_end_of(vacancy.from_on)))
    if vacancy.leaver:
        admins = admins.where(Person.id != vacancy.leaver.id)
    # false sorts first: whoever closed the account comes last
    own = Person.id == by.id if by else Person.id.is_(None)
    return db.scalar(admins.order_by(own, Person.id).limit(1))


def _end_of(on: date) -> datetime:
    return at_civil(on, time.max)
