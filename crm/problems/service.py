"""What happens to a problem once it is raised: taken, passed on, solved, closed (PROJECTS 5)."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import field
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.base.workdays import WorkingCalendar
from crm.people.delegations import on_behalf
from crm.people.models import Person, Unit
from crm.problems.assignees import require_step
from crm.problems.history import note_and_record
from crm.problems.models import Problem, ProblemEntry, ProblemUnit
from crm.problems.naming import may_be_named
from crm.problems.raising import require_owner, require_takers
from crm.problems.rules import TAKE_WITHIN, due_after_break
from crm.problems.workflow import ENTRY_OF_STEP, PROBLEM_WORKFLOW, Step

# The steps that need words, and the field of the form in which these stand.
FIELDS = {
    Step.PASS_ON: "reason",
    Step.REFER: "reason",
    Step.ASSIGN: "reason",
    Step.SOLVE: "text",
    Step.PROGRESS: "text",
    Step.CLOSE: "basis",
    Step.RETURN: "reason",
    Step.SHELVE: "reason",
}


@value_class(kw_only=True)
class StepInput:
    """What a step is given besides who takes it and when."""

    text: str = ""
    unit_id: int | None = None  # the new owner's
    person_id: int | None = None
    unit_ids: Collection[int] | None = None  # who assists; `None`: as before
    on: date | None = None  # the new due date, or when to look again


@value_class
class Taken:
    """A step as it is taken."""

    db: Session
    problem: Problem
    step: Step
    by: Person
    for_id: int | None  # in whose name
    now: datetime
    calendar: WorkingCalendar
    given: StepInput = field(default_factory=StepInput)

    @property
    def today(self) -> date:
        return civil_date(self.now)


def take_step(  # noqa: PLR0913 - a step has that many parts
    db: Session,
    *,
    problem: Problem,
    step: Step,
    by: Person,
    calendar: WorkingCalendar,
    now: datetime,
    given: StepInput | None = None,
) -> ProblemEntry:
    """Take a step of the workflow: check it, apply it, and write it down.

    Refused as `require_step`, as `required` where words or dates are missing, as `no_such_unit`,
    `no_such_person`, `same_owner`, `nobody_takes`, `may_not_know_problem`, `due_in_past`.
    """
    for_id = require_step(db, problem=problem, step=step, by=by, now=now)
    taken = Taken(db, problem, step, by, for_id, now, calendar, given or StepInput())
    text = _words(taken)
    before = _values(db, problem)

    if change := _CHANGES.get(step):
        change(taken)
    problem.state = PROBLEM_WORKFLOW.of(step).target or problem.state
    # PROJECTS 0: named for this case, and not for what comes next
    if step not in (Step.NAME, Step.PROGRESS):
        problem.named_id = None
    db.flush()
    if step in _TO_NEW_OWNER:
        require_takers(db, problem, now)

    after = _values(db, problem)
    changed = [name for name in after if after[name] != before[name]]
    entry = note_and_record(
        *(db, problem, ENTRY_OF_STEP[step]),
        by=by,
        now=now,
        before={name: before[name] for name in changed} or None,
        after=on_behalf({name: after[name] for name in changed}, for_id) or None,
        text=text,
    )
    # what was loaded is from before the step
    db.expire(problem, ["unit", "person", "named", "units", "entries"])

    return entry


def _words(taken: Taken) -> str | None:
    if taken.step is Step.NAME:
        return _to_name(taken).name
    text = taken.given.text.strip()
    if taken.step in FIELDS and not text:
        raise Refused("required", field=FIELDS[taken.step])
    return text or None


def _to_name(taken: Taken) -> Person:
    for person in may_be_named(taken.db, taken.problem, taken.now):
        if person.id == taken.given.person_id:
            return person
    raise Refused("no_such_person", field="person_id")


_KEPT = ("unit_id", "person_id", "named_id", "due_on", "again_on", "basis")


def _values(db: Session, problem: Problem) -> dict[str, object]:
    units = select(ProblemUnit.unit_id).where(ProblemUnit.problem_id == problem.id)
    return {name: getattr(problem, name) for name in _KEPT} | {
        "unit_ids": sorted(db.scalars(units))
    }


def _take(taken: Taken) -> None:
    """Take it: whoever takes it, or in whose name, owns it, unless they name another."""
    problem, person_id = taken.problem, taken.given.person_id or taken.problem.person_id
    person_id = person_id or taken.for_id or taken.by.id
    if person_id not in (problem.person_id, taken.for_id, taken.by.id):
        require_owner(taken.db, problem, person_id, taken.today)

    problem.person_id, problem.take_by = person_id, None
    _assist(taken)


def _assist(taken: Taken) -> None:
    """Replace the assisting units, where the step names them."""
    db, problem, wanted = taken.db, taken.problem, taken.given.unit_ids
    if wanted is None:
        return
    if problem.unit_id in wanted:
        raise Refused("owns_and_assists", field="unit_ids")
    if set(db.scalars(select(Unit.id).where(Unit.id.in_(wanted)))) != set(wanted):
        raise Refused("no_such_unit", field="unit_ids")

    held = {
        row.unit_id: row
        for row in db.scalars(select(ProblemUnit).where(ProblemUnit.problem_id == problem.id))
    }
    for unit_id in held.keys() - set(wanted):
        db.delete(held[unit_id])
    db.add_all(
        ProblemUnit(problem_id=problem.id, unit_id=unit_id)
        for unit_id in sorted(set(wanted) - held.keys())
    )


def _pass_on(taken: Taken) -> None:
    """Give it to another owner, who has two working days again."""
    db, problem, given = taken.db, taken.problem, taken.given
    if given.unit_id is None or db.get(Unit, given.unit_id) is None:
        raise Refused("no_such_unit", field="unit_id")
    if (given.unit_id, given.person_id) == (problem.unit_id, problem.person_id):
        raise Refused("same_owner", field="unit_id")
    if given.person_id is not None:
        require_owner(db, problem, given.person_id, taken.today)

    problem.unit_id, problem.person_id = given.unit_id, given.person_id
    problem.passes += 1
    problem.referred_at = None
    problem.take_by = TAKE_WITHIN.after(taken.today, taken.calendar)
    own = ProblemUnit.problem_id == problem.id
    # the new owner no longer assists
    for row in db.scalars(select(ProblemUnit).where(own, ProblemUnit.unit_id == given.unit_id)):
        db.delete(row)


def _refer(taken: Taken) -> None:
    taken.problem.referred_at = taken.now


def _name(taken: Taken) -> None:
    taken.problem.named_id = _to_name(taken).id


def _solve(taken: Taken) -> None:
    problem = taken.problem
    problem.solved_at = taken.now
    problem.solved_by_id, problem.solved_for_id = taken.by.id, taken.for_id


def _close(taken: Taken) -> None:
    problem = taken.problem
    problem.closed_at, problem.closed_by_id = taken.now, taken.by.id
    problem.basis = taken.given.text.strip()


def _return(taken: Taken) -> None:
    """Give it back to the owner, with a new due date or the old one."""
    problem = taken.problem
    problem.solved_at = problem.solved_by_id = problem.solved_for_id = None
    _move_due(taken)


def _shelve(taken: Taken) -> None:
    if taken.given.on is None:
        raise Refused("required", field="on")
    if taken.given.on <= taken.today:
        raise Refused("due_in_past", field="on")
    taken.problem.shelved_on, taken.problem.again_on = taken.today, taken.given.on
    taken.problem.take_by = None


def _resume(taken: Taken) -> None:
    """Take it up again; without a new due date the days on the shelf do not count."""
    take_up(taken.problem, taken.today)
    _move_due(taken)


def take_up(problem: Problem, on: date) -> None:
    """Let the due date move by the days on the shelf."""
    if problem.shelved_on is not None:
        problem.due_on = due_after_break(problem.due_on, problem.shelved_on, on)
    problem.shelved_on = problem.again_on = None


def _move_due(taken: Taken) -> None:
    if taken.given.on is None:
        return
    if taken.given.on < taken.today:
        raise Refused("due_in_past", field="on")
    taken.problem.due_on = taken.given.on


_CHANGES: Mapping[Step, Callable[[Taken], None]] = {
    Step.TAKE: _take,
    Step.PASS_ON: _pass_on,
    Step.ASSIGN: _pass_on,
    Step.REFER: _refer,
    Step.SOLVE: _solve,
    Step.CLOSE: _close,
    Step.RETURN: _return,
    Step.SHELVE: _shelve,
    Step.RESUME: _resume,
    Step.NAME: _name,
}
_TO_NEW_OWNER = frozenset({Step.PASS_ON, Step.ASSIGN})
