"""Raising a problem (提出): what blocks which leads, and who is to remove it (PROJECTS 5)."""

from collections.abc import Collection, Iterator
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.errors import Refused, refusals_of, refuse
from crm.base.refs import new_ref
from crm.base.value_class import value_class
from crm.base.workdays import WorkingCalendar
from crm.leads.permissions import colleague_of
from crm.leads.permissions import may_see as may_see_lead
from crm.people.models import Person, Unit
from crm.people.permissions import Viewer, viewer
from crm.people.queries import primary_posting, unit_tree
from crm.people.rules import UnitKind
from crm.problems.assignees import assignees
from crm.problems.history import note_and_record
from crm.problems.models import Problem, ProblemCategory, ProblemEntry, ProblemLead, ProblemUnit
from crm.problems.permissions import may_know, may_raise
from crm.problems.rules import TAKE_WITHIN, EntryKind, ProblemState
from crm.problems.workflow import Step
from crm.visits.models import Visit
from crm.visits.permissions import may_read as may_read_visit

MOST_LEADS = 20


@value_class(kw_only=True)
class ProblemData:
    """A problem as it is raised; `unit_id` owns it: none means who usually removes its kind."""

    matter: str
    category_id: int
    lead_ids: Collection[int]
    due_on: date
    unit_id: int | None = None
    person_id: int | None = None
    unit_ids: Collection[int] = ()
    visit_id: int | None = None
    ref: str = ""  # of the form, so that a form sent twice raises one problem


def raise_problem(
    db: Session, *, data: ProblemData, by: Person, calendar: WorkingCalendar, now: datetime
) -> Problem:
    """Raise a problem; the same reference by the same person is the same problem.

    Refused as `not_yours`, `required`, `duplicate_ref`, `unknown_category`, `no_such_lead`,
    `no_such_unit`, `no_such_person`, `no_such_visit`, `due_in_past`, `owns_and_assists`,
    `may_not_know_problem`, `nobody_takes`.
    """
    ref = data.ref.strip()
    if ref and (known := _of_ref(db, ref, by)):
        return known

    on = civil_date(now)
    if not may_raise(viewer(db, by, on)):
        raise Refused("not_yours")
    check_problem(db, data, by=by, on=on)

    posting = primary_posting(db, by.id, on)
    problem = Problem(
        ref=ref or new_ref("K", on),
        state=ProblemState.RAISED,
        raised_at=now,
        raised_by_id=by.id,
        raised_unit_id=posting.unit_id if posting else None,
        take_by=TAKE_WITHIN.after(on, calendar),
        passes=0,
        matter=data.matter.strip(),
        category_id=data.category_id,
        unit_id=_unit_id(db, data),
        person_id=data.person_id,
        due_on=data.due_on,
        visit_id=data.visit_id,
    )

    try:
        with db.begin_nested():
            db.add(problem)
    except IntegrityError:  # the same form came twice at once
        if known := _of_ref(db, problem.ref, by):
            return known
        raise

    _add_parts(db, problem, data)
    if problem.person_id is not None:
        require_owner(db, problem, problem.person_id, on)
    require_takers(db, problem, now)
    note_and_record(db, problem, EntryKind.RAISED, by=by, now=now, after=_audited(problem, data))

    return problem


def first_entry(db: Session, problem: Problem) -> ProblemEntry:
    """The entry of its raising."""
    query = select(ProblemEntry).where(ProblemEntry.problem_id == problem.id)
    return db.scalars(query.order_by(ProblemEntry.id).limit(1)).one()


def require_owner(db: Session, problem: Problem, person_id: int, on: date) -> None:
    """Refuse who is not posted, and as `may_not_know_problem` who may not know of its leads."""
    person = colleague_of(db, person_id, "person_id", on=on)
    if not may_know(db, viewer(db, person, on), problem.id, on):
        raise Refused("may_not_know_problem", field="person_id")


def require_takers(db: Session, problem: Problem, now: datetime) -> None:
    """Refuse as `nobody_takes` an owner of which nobody could read and take the problem."""
    if not assignees(db, problem, Step.TAKE, now):
        raise Refused("nobody_takes", field="unit_id", unit=db.get_one(Unit, problem.unit_id).name)


def usual_unit_id(db: Session, category: ProblemCategory) -> int:
    """Who usually removes such obstacles: the category's unit, else the coordinating office."""
    if category.unit_id is not None:
        return category.unit_id
    units = [node.unit for node in unit_tree(db)]
    offices = [unit.id for unit in units if unit.coordinates]
    tops = [unit.id for unit in units if unit.kind is UnitKind.ZONE]
    return next(iter([*offices, *tops, *(unit.id for unit in units)]))


def check_problem(db: Session, data: ProblemData, *, by: Person, on: date) -> None:
    """Refuse what no new problem may say, all at once."""
    refuse(_faults(db, data, viewer(db, by, on), on))


def _faults(db: Session, data: ProblemData, me: Viewer, on: date) -> Iterator[Refused]:
    if not data.matter.strip():
        yield Refused("required", field="matter")
    category = db.get(ProblemCategory, data.category_id)
    if category is None or not category.is_offered:
        yield Refused("unknown_category", field="category_id")
    if data.due_on < on:
        yield Refused("due_in_past", field="due_on")

    lead_ids = set(data.lead_ids)
    if not lead_ids or len(lead_ids) > MOST_LEADS:
        yield Refused("required", field="lead_ids")
    elif not all(may_see_lead(db, me, lead_id, on) for lead_id in lead_ids):
        yield Refused("no_such_lead", field="lead_ids")
    if data.visit_id is not None and not (
        db.get(Visit, data.visit_id) and may_read_visit(db, me, data.visit_id, on)
    ):
        yield Refused("no_such_visit")

    person_id = data.person_id
    if person_id is not None:
        yield from refusals_of(lambda: colleague_of(db, person_id, "person_id", on=on))
    yield from _unit_faults(db, _unit_id(db, data), data.unit_ids)


def _unit_id(db: Session, data: ProblemData) -> int | None:
    category = db.get(ProblemCategory, data.category_id)
    return data.unit_id or (usual_unit_id(db, category) if category else None)


def _unit_faults(db: Session, unit_id: int | None, assisting: Collection[int]) -> Iterator[Refused]:
    known = {node.unit.id for node in unit_tree(db)}
    if unit_id is not None and unit_id not in known:
        yield Refused("no_such_unit", field="unit_id")
    if not known.issuperset(assisting):
        yield Refused("no_such_unit", field="unit_ids")
    if unit_id in assisting:
        yield Refused("owns_and_assists", field="unit_ids")


def _add_parts(db: Session, problem: Problem, data: ProblemData) -> None:
    leads = (
        ProblemLead(problem_id=problem.id, lead_id=lead_id) for lead_id in sorted({*data.lead_ids})
    )
    units = (
        ProblemUnit(problem_id=problem.id, unit_id=unit_id) for unit_id in sorted({*data.unit_ids})
    )
    db.add_all([*leads, *units])
    db.flush()


def _audited(problem: Problem, data: ProblemData) -> dict[str, object]:
    names = ("matter", "unit_id", "person_id", "due_on", "visit_id")
    values = {name: getattr(problem, name) for name in names}
    parts = {"lead_ids": sorted({*data.lead_ids}), "unit_ids": sorted({*data.unit_ids})}
    return {name: value for name, value in (values | parts).items() if value}


def _of_ref(db: Session, ref: str, by: Person) -> Problem | None:
    problem = db.scalar(select(Problem).where(Problem.ref == ref))
    if problem and problem.raised_by_id != by.id:
        raise Refused("duplicate_ref", field="ref", ref=ref)
    return problem
