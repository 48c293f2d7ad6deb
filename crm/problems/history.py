"""The history of a problem, and its entries in the audit trail."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.people.models import Person
from crm.problems.models import Problem, ProblemEntry
from crm.problems.rules import EntryKind


def note_and_record(  # noqa: PLR0913 - an entry has that many parts
    db: Session,
    problem: Problem,
    kind: EntryKind,
    *,
    by: Person | None,
    now: datetime,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    text: str | None = None,
) -> ProblemEntry:
    """Add to the problem's history, as the problem stands after it, and to the audit trail."""
    entry = ProblemEntry(
        problem_id=problem.id,
        kind=kind,
        text=text,
        state=problem.state,
        due_on=problem.due_on,
        unit_id=problem.unit_id,
        person_id=problem.person_id,
        at=now,
        by_id=by.id if by else None,
    )
    db.add(entry)
    # the keys of mails contain the entry's id
    db.flush()

    # the trail is sealed, so it keeps the words as well as the values
    values = {**(after or {}), **({"text": text} if text else {})}
    record(db, f"problem.{kind.value}", problem, by=by, at=now, before=before, after=values or None)
    return entry
