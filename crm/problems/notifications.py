"""Mails about a problem: who is told of a step, each once (PROJECTS 0, 5)."""

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.outbox import MessageKind
from crm.base.value_class import value_class
from crm.leads.redaction import lead_labels
from crm.mailing.service import Envelope, post
from crm.people.models import Person, Unit
from crm.people.permissions import viewer
from crm.problems.assignees import actor_ids, assignees, people_of, seeing
from crm.problems.models import Problem, ProblemCategory, ProblemEntry, ProblemLead
from crm.problems.naming import namers
from crm.problems.permissions import conditions_of
from crm.problems.rules import days_overdue
from crm.problems.workflow import PROBLEM_WORKFLOW, STEP_OF_ENTRY, Step


@value_class
class Notice:
    """A step of a problem as one reader is told of it: hidden leads by their code names."""

    problem: Problem
    entry: ProblemEntry
    reader_name: str
    by_name: str | None
    category: str
    unit_name: str
    person_name: str | None
    leads: str
    days_overdue: int
    is_theirs: bool  # the next step is the reader's task
    is_to_name: bool  # nobody is left for the next step, and the reader names somebody
    is_late: bool


def tell(
    db: Session, *, problem: Problem, entry: ProblemEntry, site: Site, late: bool = False
) -> int:
    """Put the mails of a step into the outbox, once each; how many."""
    mine = {person.id for person in _next_assignees(db, problem, entry)}
    naming = {person.id for person in _next_namers(db, problem, entry)}
    return sum(
        _put(
            db,
            replace(
                _notice(db, problem, entry, person),
                is_theirs=person.id in mine,
                is_to_name=person.id in naming,
                is_late=late,
            ),
            person,
            site,
        )
        for person in readers_of(db, problem, entry)
    )


def readers_of(db: Session, problem: Problem, entry: ProblemEntry) -> list[Person]:
    """The people who get a mail about a step, except the person who took it.

    These are the actors that the workflow `tells`, and the people whose task the next step is.
    All of them may see the problem.
    """
    step = STEP_OF_ENTRY.get(entry.kind)
    if step is None:
        return []

    ids = actor_ids(db, problem, PROBLEM_WORKFLOW.of(step).tells, entry.at) - {entry.by_id}
    people = seeing(db, problem, people_of(db, ids, entry.at), civil_date(entry.at))
    # One mail a person and step, and none to whoever took it.
    known = {person.id for person in people} | {entry.by_id}
    next_people = [*_next_assignees(db, problem, entry), *_next_namers(db, problem, entry)]
    people += [person for person in next_people if person.id not in known]

    return sorted(set(people), key=lambda person: person.username)


def reaches_nobody(db: Session, problem: Problem, entry: ProblemEntry) -> bool:
    """Whether a next step is awaited that nobody is left to take."""
    steps = _next_steps(problem, entry)
    return any(not assignees(db, problem, step, entry.at) for step in steps)


def _next_namers(db: Session, problem: Problem, entry: ProblemEntry) -> list[Person]:
    """The admins, who name somebody where nobody is left."""
    return namers(db, problem, entry.at) if reaches_nobody(db, problem, entry) else []


def _next_assignees(db: Session, problem: Problem, entry: ProblemEntry) -> list[Person]:
    return [
        person
        for step in _next_steps(problem, entry)
        for person in assignees(db, problem, step, entry.at)
    ]


def _next_steps(problem: Problem, entry: ProblemEntry) -> list[Step]:
    """The awaited steps that are the task of somebody who is told of this one."""
    step = STEP_OF_ENTRY.get(entry.kind)
    tells = set(PROBLEM_WORKFLOW.of(step).tells) if step else set()
    awaited = PROBLEM_WORKFLOW.awaited(problem.state, conditions_of(problem))
    return [row.step for row in awaited if not tells.isdisjoint(row.waits_for)]


def _notice(db: Session, problem: Problem, entry: ProblemEntry, reader: Person) -> Notice:
    on = civil_date(entry.at)
    lead_ids = db.scalars(
        select(ProblemLead.lead_id).where(ProblemLead.problem_id == problem.id)
    ).all()
    labels = lead_labels(db, viewer(db, reader, on), lead_ids, on)
    owner = db.get(Person, problem.person_id) if problem.person_id else None
    by = db.get(Person, entry.by_id) if entry.by_id else None

    return Notice(
        problem=problem,
        entry=entry,
        reader_name=reader.name,
        by_name=by.name if by else None,
        category=db.get_one(ProblemCategory, problem.category_id).name,
        unit_name=db.get_one(Unit, problem.unit_id).name,
        person_name=owner.name if owner else None,
        leads="、".join(labels[lead_id].text for lead_id in sorted(labels)),
        days_overdue=days_overdue(problem.state, problem.due_on, on),
        is_theirs=False,
        is_to_name=False,
        is_late=False,
    )


def _put(db: Session, notice: Notice, person: Person, site: Site) -> bool:
    kind, entry = MessageKind.PROBLEM, notice.entry
    key = f"{kind.value}:{notice.problem.ref}:{person.username}:{entry.id}:{entry.kind.value}"
    return post(db, Envelope(kind, key, entry.at), person=person, site=site, notice=notice)
