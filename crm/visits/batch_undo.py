"""Imported visits taken back many at a time (ENTRY 6).

A visit that was seen is never deleted: like any entry that is undone it is cancelled, counts for
nothing and stays in the trail. Its reference becomes free, so that the corrected table can be
imported. One that is still hidden was never seen, and goes.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import String, cast, delete, exists, select, update
from sqlalchemy.orm import Session

from crm.base.audit import Created, prepare_created, record_created
from crm.base.db import batches
from crm.base.locks import take_exclusive_lock
from crm.base.pending import collect
from crm.people.models import Person
from crm.people.quota_inputs import Edit, QuotaInputChanged
from crm.visits.contacts import ContactChanged
from crm.visits.models import Trip, Visit, VisitCompany, VisitLead, VisitParticipant
from crm.visits.rules import Status
from crm.visits.search_index import NAMED, VISITS

_COLUMNS = ("id", "ref", "status", "leader_id", "first_on", "last_on")
_MARK = "-撤"  # between its reference and its id
_LINKS = (VisitParticipant, VisitLead, VisitCompany)  # that an import writes
HIDDEN_REMOVED = "visit.hidden_removed"


def hold_visits(db: Session, visit_ids: Collection[int]) -> None:
    """Let nobody else change these visits until the transaction ends."""
    for part in batches(sorted(visit_ids)):
        held = select(Visit.id).where(Visit.id.in_(part)).order_by(Visit.id)
        db.execute(held.with_for_update())


def cancel_inserted(
    db: Session, visit_ids: Collection[int], *, by: Person, now: datetime
) -> set[int]:
    """Cancel visits that an import added, and free their references; returns which were found."""
    take_exclusive_lock(db)  # SQLite reads the ids of new entries under it
    found: set[int] = set()
    for part in batches(sorted(visit_ids)):
        query = select(*(Visit.__table__.c[name] for name in _COLUMNS)).where(Visit.id.in_(part))
        rows = db.execute(query.order_by(Visit.id)).all()
        found.update(row.id for row in rows)
        _cancel(db, rows, by, now)
    return found


def _cancel(db: Session, rows: Sequence[Any], by: Person, now: datetime) -> None:
    ids = [row.id for row in rows]
    people = _participants(db, ids)
    values = {
        "status": Status.CANCELLED,
        "logged_at": None,
        "ref": Visit.ref.concat(_MARK).concat(cast(Visit.id, String)),
    }
    # into the table, as what is inserted in a batch: nobody has read these visits here
    db.execute(update(Visit.__table__).where(Visit.id.in_(ids)).values(values))  # type: ignore[arg-type] # a table, typed as what it is selected from
    VISITS.index_again(db, ids)

    entries = prepare_created(db, "visit.undone", Visit, [_entry(row, by) for row in rows], at=now)
    record_created(db, entries, ids)
    for row in rows:
        collect(db, _edit(row, people[row.id], by, now))
        collect(db, ContactChanged(visit_id=row.id))


def remove_hidden(
    db: Session, visit_ids: Collection[int], *, by: Person | None, since: datetime, now: datetime
) -> None:
    """Delete visits that nobody has seen, and the trips that they began; the trail names them.

    `since`: when their import began. The session is one that finds hidden rows, and has the
    exclusive lock, under which SQLite reads the ids of new entries.
    """
    for part in batches(sorted(visit_ids)):
        rows = db.execute(select(Visit.id, Visit.ref, Visit.trip).where(Visit.id.in_(part))).all()
        ids = [row.id for row in rows]
        named = db.scalars(select(VisitCompany.id).where(VisitCompany.visit_id.in_(ids))).all()
        gone = [Created(by.id if by else None, {}, {"ref": row.ref}) for row in rows]
        record_created(db, prepare_created(db, HIDDEN_REMOVED, Visit, gone, at=now), ids)
        NAMED.forget(db, named)
        VISITS.forget(db, ids)

        # past the session, whose identity map has none of them
        connection = db.connection()
        for link in _LINKS:
            connection.execute(delete(link).where(link.visit_id.in_(ids)))
        connection.execute(delete(Visit).where(Visit.id.in_(ids)))
        _remove_trips(db, {row.trip for row in rows if row.trip}, since)


def _remove_trips(db: Session, refs: Collection[str], since: datetime) -> None:
    """Remove trips that began since and that no visit names, so that others may begin them."""
    if refs:
        is_named = exists().where(Visit.trip == Trip.ref)
        begun = (Trip.ref.in_(refs), Trip.entered_at >= since, Trip.destination.is_(None))
        db.connection().execute(delete(Trip).where(*begun, ~is_named))


def _participants(db: Session, visit_ids: Collection[int]) -> defaultdict[int, set[int]]:
    people: defaultdict[int, set[int]] = defaultdict(set)
    query = select(VisitParticipant.visit_id, VisitParticipant.person_id)
    for visit_id, person_id in db.execute(query.where(VisitParticipant.visit_id.in_(visit_ids))):
        people[visit_id].add(person_id)
    return people


def _entry(row: Any, by: Person) -> Created:
    before, after = {"ref": row.ref}, {"ref": f"{row.ref}{_MARK}{row.id}"}
    if row.status is not Status.CANCELLED:
        before["status"], after["status"] = row.status, Status.CANCELLED
    return Created(by.id, after, before)


def _edit(row: Any, people: Collection[int], by: Person, now: datetime) -> QuotaInputChanged:
    return QuotaInputChanged(
        person_ids=frozenset({row.leader_id, *people}),
        first_on=row.first_on,
        last_on=row.last_on,
        edit=Edit.VISIT_UNDONE,
        visit_ref=row.ref,  # under which it is known
        by_id=by.id,
        at=now,
    )
