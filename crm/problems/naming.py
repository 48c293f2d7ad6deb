"""Whom an admin names for a problem where nobody is left to act (PROJECTS 0)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.leads.parties import lead_parties, nameable
from crm.people.models import Person
from crm.people.queries import active_at
from crm.people.rules import Role
from crm.problems.assignees import seeing
from crm.problems.models import Problem, ProblemLead, ProblemUnit
from crm.problems.permissions import ids_of
from crm.problems.workflow import Actor


def may_be_named(db: Session, problem: Problem, at: datetime) -> Sequence[Person]:
    """Whom an admin may name: no party to it, outside the units concerned."""
    lead_ids = select(ProblemLead.lead_id).where(ProblemLead.problem_id == problem.id)
    leads = lead_parties(db, db.scalars(lead_ids).all(), at)
    assisting = select(ProblemUnit.unit_id).where(ProblemUnit.problem_id == problem.id)
    units = {*db.scalars(assisting), problem.unit_id, *filter(None, [problem.raised_unit_id])}
    held = ids_of(problem, (Actor.RAISER, Actor.OWNER, Actor.SOLVER))
    parties = {person_id for person_id in held if person_id is not None}

    return nameable(db, leads.values(), but=parties, units=units, at=at)


def namers(db: Session, problem: Problem, at: datetime) -> list[Person]:
    """The admins who see the problem."""
    query = select(Person).where(Person.role == Role.ADMIN, active_at(at))
    admins = db.scalars(query.order_by(Person.username)).all()
    return seeing(db, problem, admins, civil_date(at))
