"""Imported visits inserted in one batch, with the moments at which they were logged (REGIME 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.people.models import Person
from crm.people.quota_inputs import Edit
from crm.visits.fields import VisitData
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.quota_inputs import collect_edit
from crm.visits.rules import Status, Verdict, late_by
from crm.visits.trips import begin_trips
from crm.visits.validation import checked_columns


@dataclass(frozen=True, slots=True)
class ImportedVisit:
    """A visit of an import; `entered_by` is known to the demonstration only.

    A moment left out is the import's own; `entered_at` is `logged_at` where only that is known.
    """

    data: VisitData
    logged_at: datetime | None = None
    verdict: Verdict | None = None
    entered_by: Person | None = None
    entered_at: datetime | None = None


def insert_visit(
    db: Session,
    *,
    data: VisitData,
    logged_at: datetime | None = None,
    verdict: Verdict | None = None,
    now: datetime,
) -> Visit:
    """Keep one imported visit, its people and leads known by their ids; see `new_visit`."""
    return insert_visits(db, [ImportedVisit(data, logged_at, verdict)], now=now)[0]


def insert_visits(db: Session, rows: Sequence[ImportedVisit], *, now: datetime) -> list[Visit]:
    """Insert imported visits; the caller has checked references, people and leads."""
    visits = [new_visit(row, now=now) for row in rows]
    begin_trips(db, visits, now=now)
    db.add_all(visits)
    db.flush()  # the rows of the link tables need the ids

    people, leads = [], []
    for visit, row in zip(visits, rows, strict=True):
        late = visit.late_by_days
        people += [
            {"visit_id": visit.id, "person_id": person_id, "late_by_days": late}
            for person_id in sorted(row.data.joined_by)
        ]
        leads += [
            {"visit_id": visit.id, "lead_id": lead_id} for lead_id in sorted(set(row.data.lead_ids))
        ]

    # one statement for each table, as a file may hold thousands of visits
    for table, links in ((VisitParticipant, people), (VisitLead, leads)):
        if links:
            db.execute(insert(table), links)

    for visit, row in zip(visits, rows, strict=True):
        after = {"ref": visit.ref, "status": visit.status, "verdict": visit.verdict}
        record(db, "visit.imported", visit, by=row.entered_by, at=now, after=after)
        collect_edit(
            db,
            visit,
            Edit.VISIT_IMPORTED,
            people=row.data.joined_by,
            by=row.entered_by,
            at=now,
        )

    return visits


def new_visit(row: ImportedVisit, *, now: datetime) -> Visit:
    """The row of an imported visit: without `entered_at`, `logged_at` is when it was entered, too.

    Refused as `required` (no reference), as `columns` says, `logged_in_future`,
    `entered_after_logged`, and `logged_before_end` for a done visit.
    """
    data, at = row.data, row.logged_at or now
    if not data.ref.strip():
        raise Refused("required", field="ref")

    values = checked_columns(data, now)
    if at > now:
        raise Refused("logged_in_future", field="logged_at")
    if row.entered_at and row.entered_at > at:
        raise Refused("entered_after_logged", field="entered_at")

    # REGIME 3: a visit cannot be done before it has ended
    is_done = data.status is Status.DONE
    if is_done and at < data.ends_at:
        raise Refused("logged_before_end", field="logged_at")

    entered_at = row.entered_at or at

    return Visit(
        ref=data.ref.strip(),
        entered_at=entered_at,
        entered_by_id=row.entered_by.id if row.entered_by else None,
        logged_at=at if is_done else None,
        verdict=row.verdict,
        # REGIME 3: a verdict that an import brings is as old as its `logged_at`
        verdict_at=at if row.verdict else None,
        late_by_days=late_by(civil_date(data.starts_at), civil_date(entered_at)),
        **values,
    )
