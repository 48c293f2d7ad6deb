"""What an import made and nobody touched since is taken back (ENTRY 6).

A visit is never deleted: like any entry that is undone it is cancelled, counts for nothing and
stays in the trail. Its reference becomes free, so that the corrected table can be imported.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, aliased

from crm.base.audit import changes, record
from crm.base.audit_entries import AuditEntry
from crm.imports.models import ImportMade, ImportRun
from crm.people.models import Person
from crm.people.quota_inputs import Edit
from crm.problems.models import Problem
from crm.visits.links import participants_of
from crm.visits.models import Visit
from crm.visits.quota_inputs import collect_edit
from crm.visits.rules import Status


def _is_touched(made: type[ImportMade]) -> ColumnElement[bool]:
    later = aliased(AuditEntry)
    return exists().where(
        later.subject == made.subject,
        later.subject_id == made.subject_id,
        later.id > made.entry_id,
    ) | exists().where(Problem.visit_id == made.subject_id)


def untouched(db: Session, run: ImportRun, most: int) -> Sequence[int]:
    """Ids of visits of the import that are as it made them; those taken back are not."""
    query = (
        select(ImportMade.subject_id)
        .where(ImportMade.run_id == run.id, ~_is_touched(ImportMade))
        .order_by(ImportMade.id)
    )
    return db.scalars(query.limit(most)).all()


def touched(db: Session, run: ImportRun) -> list[Visit]:
    """Visits of the import that somebody has changed since; they stay."""
    undone = aliased(AuditEntry)
    by_undo = exists().where(
        undone.subject == ImportMade.subject,
        undone.subject_id == ImportMade.subject_id,
        undone.id > ImportMade.entry_id,
        undone.action == "visit.undone",
    )
    query = (
        select(Visit)
        .join(ImportMade, ImportMade.subject_id == Visit.id)
        .where(ImportMade.run_id == run.id, _is_touched(ImportMade), ~by_undo)
        .order_by(Visit.id)
    )
    return list(db.scalars(query))


def take_back(db: Session, visit_ids: Sequence[int], *, by: Person, now: datetime) -> None:
    """Cancel the visits; what they counted for in frozen periods becomes a correction."""
    query = select(Visit).where(Visit.id.in_(visit_ids)).order_by(Visit.id).with_for_update()
    for visit in db.scalars(query):
        people = participants_of(db, visit.id)
        before, after = changes(visit, {"status": Status.CANCELLED})
        visit.logged_at = None
        # under the reference by which it is known
        collect_edit(db, visit, Edit.VISIT_UNDONE, people=people, by=by, at=now)
        was, now_called = changes(visit, {"ref": f"{visit.ref}-撤{visit.id}"})
        record(
            db, "visit.undone", visit, by=by, at=now, before=before | was, after=after | now_called
        )
