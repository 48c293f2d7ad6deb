"""What an import made or changed, and nobody touched since, is taken back (ENTRY 6).

The last row goes first, each by itself: one that cannot be taken back stays, and says why.
"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit_entries import AuditEntry
from crm.base.db import batches
from crm.base.errors import Refused
from crm.base.pending import savepoint
from crm.imports.models import ImportMade, ImportRun
from crm.imports.undoers import UNDOERS
from crm.people.models import Person

# Entries that undoing itself leaves about a record beside the one that is taken back.
_OWN = frozenset({"company.contact_import_undone"})


def take_back_next(db: Session, run: ImportRun, *, by: Person, now: datetime, most: int) -> int:
    """Take back so many of the rows that are left; returns how many there were."""
    open_rows = (
        ImportMade.run_id == run.id,
        ImportMade.taken_back.is_(False),
        ImportMade.kept_why.is_(None),
    )
    query = select(ImportMade).where(*open_rows).order_by(ImportMade.id.desc()).limit(most)
    rows = db.scalars(query).all()
    touched = _touched(db, rows)

    for made in rows:
        why = Refused("import_row_touched") if made.id in touched else None
        why = why or _take_back(db, made, by, now)
        made.taken_back = why is None
        if why:
            facts = json.dumps([why.code, why.facts], ensure_ascii=False, default=str)
            made.kept_why = facts
        else:
            run.undone += 1
    db.flush()
    return len(rows)


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
            query = select(AuditEntry.subject_id, AuditEntry.id).where(
                AuditEntry.subject == subject,
                AuditEntry.subject_id.in_(part),
                AuditEntry.action.not_in(_OWN),
            )
            found |= {
                of_subject[row_id].id
                for row_id, entry_id in db.execute(query)
                if entry_id > of_subject[row_id].entry_id
            }
    return found
