"""Hand a problem over when its owner leaves (REGIME 2)."""

from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.locks import hold
from crm.people.models import Person
from crm.problems.models import Problem, ProblemEntry
from crm.problems.rules import EntryKind


def replace_owner(
    db: Session, *, problem: Problem, to: Person | None, by: Person | None, now: datetime
) -> None:
    """Change the person who owns it; without one, the owner unit acts."""
    # A step taken since the problem was read may have changed it.
    hold(db, problem)
    before, problem.person_id = problem.person_id, to.id if to else None
    if to:
        problem.named_id = None
    text = f"承办人改为{to.name}（交接）" if to else "原承办人账号停用，由承办单位办理"
    values = {"state": problem.state, "due_on": problem.due_on, "unit_id": problem.unit_id}
    entry = ProblemEntry(
        problem_id=problem.id,
        kind=EntryKind.NOTED,
        text=text,
        person_id=problem.person_id,
        at=now,
        by_id=by.id if by else None,
        **values,
    )

    db.add(entry)
    after = {"person_id": problem.person_id}
    was = {"person_id": before}
    record(db, "problem.handed_over", problem, by=by, at=now, before=was, after=after)
    # what was loaded is from before the change
    db.expire(problem, ["person", "entries"])
