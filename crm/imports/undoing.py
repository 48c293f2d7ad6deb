"""What an import made or changed, and nobody touched since, is taken back (ENTRY 6).

The last row goes first. New visits go many at a time, every other row by itself: one that cannot
be taken back stays, and says why. An import that nobody has seen yet is given up as a
whole (`crm/imports/staging.py`).
"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.audit_entries import AuditEntry
from crm.base.db import LARGEST_ID, batches
from crm.base.errors import Refused
from crm.base.locks import hold
from crm.base.pending import savepoint
from crm.imports.models import ImportFile, ImportMade, ImportRun
from crm.imports.rules import (
    LISTS,
    MOST_AT_ONCE,
    MOST_UNDONE_AT_ONCE,
    RunState,
    may_open,
    may_undo,
)
from crm.imports.staging import begin_removal
from crm.imports.undoers import UNDOERS
from crm.people.models import Person
from crm.problems.models import Problem
from crm.visits.batch_undo import cancel_inserted, hold_visits
from crm.visits.models import Visit

# Entries that undoing itself leaves about a record beside the one that is taken back.
_OWN = frozenset({"company.contact_import_undone"})
# A first password touches no new account: somebody who signed in with it does.
_UNTOUCHING = frozenset({"person.password_set"})


def undo(db: Session, *, run: ImportRun, by: Person, now: datetime) -> None:
    """Take back what the import made and nobody touched since; many rows are left to the clock.

    An import that is not seen yet is given up. Refused as `not_yours`, `import_undo_too_late`.
    """
    if run.made_by_id != by.id or not may_open(run.kind, by.role):
        raise Refused("not_yours")
    hold(db, run)
    if run.state is RunState.IMPORTING and run.published_at is None:
        db.execute(delete(ImportFile).where(ImportFile.run_id == run.id))
        begin_removal(db, run, now=now)
        return
    if run.state is not RunState.DONE:
        return
    if not may_undo(run.finished_at, now):
        raise Refused("import_undo_too_late")
    run.state = RunState.UNDOING
    if run.added + run.changed > MOST_UNDONE_AT_ONCE:
        return
    # one row of a file may have made several: a person with a posting
    while len(take_back_next(db, run, by=by, now=now, most=MOST_AT_ONCE)) == MOST_AT_ONCE:
        pass
    finish_undo(db, run=run, by=by, now=now)


def finish_undo(db: Session, *, run: ImportRun, by: Person, now: datetime) -> None:
    """Close the undoing; what was touched stays and is listed."""
    run.state, run.undone_at = RunState.UNDONE, now
    if run.undone:
        after = {"list": LISTS[run.kind], "entries": run.undone}
        record(db, "person.import_undone", by, by=by, at=now, after=after)


def take_back_next(  # noqa: PLR0913 - rows of a run, and where they begin
    db: Session,
    run: ImportRun,
    *,
    by: Person,
    now: datetime,
    most: int,
    below: int | None = None,
) -> Sequence[int]:
    """Take back so many of the rows that are left; returns their ids, the highest first.

    `below`: the last id that an earlier call returned, so that it need not be looked for.
    """
    open_rows = (
        ImportMade.id < (LARGEST_ID if below is None else below),
        ImportMade.run_id == run.id,
        ImportMade.taken_back.is_(False),
        ImportMade.kept_why.is_(None),
    )
    query = select(ImportMade).where(*open_rows).order_by(ImportMade.id.desc()).limit(most)
    rows = db.scalars(query).all()
    hold_visits(db, [made.subject_id for made in rows if made.subject == Visit.__tablename__])
    refusals = {made_id: Refused("import_row_touched") for made_id in _touched(db, rows)}
    new_visits = [made for made in rows if _is_new_visit(made) and made.id not in refusals]
    refusals |= _take_back_visits(db, new_visits, by, now)

    for made in rows:
        why = refusals.get(made.id)
        if why is None and not _is_new_visit(made):
            why = _take_back(db, made, by, now)
        made.taken_back = why is None
        if why:
            facts = json.dumps([why.code, why.facts], ensure_ascii=False, default=str)
            made.kept_why = facts
        else:
            run.undone += 1
    db.flush()
    return [made.id for made in rows]


def _is_new_visit(made: ImportMade) -> bool:
    return made.subject == Visit.__tablename__ and made.is_new


def _take_back_visits(
    db: Session, rows: Collection[ImportMade], by: Person, now: datetime
) -> dict[int, Refused]:
    """Cancel the visits that the rows tell of; the refusals of those that stay, by row."""
    named = set()
    for part in batches(sorted(made.subject_id for made in rows)):
        named |= {*db.scalars(select(Problem.visit_id).where(Problem.visit_id.in_(part)))}
    free = [made.subject_id for made in rows if made.subject_id not in named]
    found = cancel_inserted(db, free, by=by, now=now)

    refusals = {}
    for made in rows:
        if made.subject_id in named:
            refusals[made.id] = Refused("import_row_used", what=Problem.__tablename__)
        elif made.subject_id not in found:
            refusals[made.id] = Refused("import_row_gone")
    return refusals


def _take_back(db: Session, made: ImportMade, by: Person, now: datetime) -> Refused | None:
    """Take the row back; the refusal where it stays."""
    try:
        with savepoint(db):
            UNDOERS[made.subject](db, made, by, now)
    except Refused as why:
        return why
    return None


def kept_rows(db: Session, run: ImportRun, most: int) -> Sequence[ImportMade]:
    """The rows that stayed when the import was taken back."""
    stayed = ImportMade.kept_why.is_not(None)
    query = select(ImportMade).where(ImportMade.run_id == run.id, stayed)
    return db.scalars(query.order_by(ImportMade.id).limit(most)).all()


def _touched(db: Session, rows: Collection[ImportMade]) -> set[int]:
    """Which of the rows have entries after the one that the import left."""
    found = set()
    for subject in {made.subject for made in rows}:
        of_subject = {made.subject_id: made for made in rows if made.subject == subject}
        for part in batches(sorted(of_subject)):
            columns = (AuditEntry.subject_id, AuditEntry.id, AuditEntry.action)
            query = select(*columns).where(
                AuditEntry.subject == subject,
                AuditEntry.subject_id.in_(part),
                AuditEntry.action.not_in(_OWN),
            )
            found |= {
                of_subject[row_id].id
                for row_id, entry_id, action in db.execute(query)
                if entry_id > of_subject[row_id].entry_id
                and not (of_subject[row_id].is_new and action in _UNTOUCHING)
            }
    return found
