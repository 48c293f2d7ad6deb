"""Shelved problems come back on their date (PROJECTS 5)."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.problems.history import note_and_record
from crm.problems.models import Problem
from crm.problems.notifications import tell
from crm.problems.rules import EntryKind, ProblemState
from crm.problems.service import take_up
from crm.problems.workflow import PROBLEM_WORKFLOW, Step


def take_up_shelved(db: Session, *, at: datetime, late: bool, site: Site) -> Mapping[str, int]:
    """Take up the problems whose date to look again has come; each tells its people once."""
    on = civil_date(at)
    # Locked: one that an officer takes up at this moment is not taken up twice.
    query = (
        select(Problem)
        .where(Problem.state == ProblemState.SHELVED, Problem.again_on <= on)
        .order_by(Problem.id)
        .with_for_update()
    )
    due = db.scalars(query).all()

    for problem in due:
        before = {"due_on": problem.due_on, "again_on": problem.again_on}
        take_up(problem, on)
        problem.state = PROBLEM_WORKFLOW.of(Step.LOOK_AGAIN).target or problem.state
        after = {"due_on": problem.due_on, "again_on": None}
        entry = note_and_record(
            *(db, problem, EntryKind.RESUMED), by=None, now=at, before=before, after=after
        )
        tell(db, problem=problem, entry=entry, site=site, late=late)

    return {"resumed": len(due)} if due else {}
