"""Taking back what was done to a visit: a cancellation, or the last step of the same person."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from crm.base.audit import Step, changes, latest_step, record
from crm.base.audit_entries import AuditEntry
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.fields import FieldKind
from crm.base.locks import hold
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.people.quota_inputs import Edit
from crm.visits.companies import companies_of, entry_of, from_entry, set_companies
from crm.visits.fields import VISIT_FIELDS
from crm.visits.late_entry import DatesAndState, late_by_person, late_now, store_days_late
from crm.visits.links import keep_former_people, lead_ids_of, participants_of, set_links
from crm.visits.locks import hold_changeable
from crm.visits.models import Visit
from crm.visits.permissions import may_change, may_judge
from crm.visits.quota_inputs import collect_edit
from crm.visits.rules import Status, Verdict
from crm.visits.verdicts import withdraw_confirmation

UNDO_WITHIN = timedelta(minutes=30)
_LOGGED = Edit.VISIT_LOGGED.value
_VERDICTS = frozenset({Edit.VISIT_CONFIRMED.value, Edit.VISIT_REJECTED.value})
_STEPS = _VERDICTS | {_LOGGED, "visit.changed", "visit.done", "visit.moved"}
_LINKS = frozenset({"participant_ids", "lead_ids", "companies"})


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """What a step changes of a visit beside the values that its audit entry names."""

    logged_at: datetime | None
    late_by: Mapping[int, int]  # by person who leads or joins
    verdict: Verdict | None
    verdict_by_id: int | None
    verdict_at: datetime | None
    verdict_reason: str | None = None


def restore_visit(db: Session, *, visit: Visit, by: Person, now: datetime) -> Visit:
    """Take back a cancellation; refused as `not_yours`, `not_cancelled`.

    REGIME 3: it is planned as before, and counts as entered now.
    """
    on = civil_date(now)
    hold_changeable(db, visit, viewer(db, by, on), on)
    if visit.status is not Status.CANCELLED:
        raise Refused("not_cancelled", field="status", status=visit.status.label)

    was, late_before = DatesAndState.of(visit), late_now(db, visit)
    before, after = changes(visit, {"status": Status.PLANNED})
    # a confirmation was not given to dates that count as entered now
    withdraw_confirmation(visit, before, after)
    visit.entered_at = now
    late = late_by_person(late_before.keys(), late_before, was, DatesAndState.of(visit), on)
    visit.late_by_days = late.pop(visit.leader_id)
    store_days_late(db, visit.id, late)
    # who takes it back enters it anew, and may not judge it
    keep_former_people(db, visit, {by.id} - late_before.keys())

    record(db, "visit.restored", visit, by=by, at=now, before=before, after=after)
    collect_edit(db, visit, Edit.VISIT_RESTORED, people=late_before.keys(), by=by, at=now)
    return visit


def unrecorded(db: Session, visit: Visit) -> Unrecorded:
    """What has to be known before a step so that it can be undone; the row is held for it."""
    hold(db, visit)
    return Unrecorded(
        visit.logged_at,
        late_now(db, visit),
        visit.verdict,
        visit.verdict_by_id,
        visit.verdict_at,
        visit.verdict_reason,
    )


def new_visit_of(people: Iterable[int]) -> Unrecorded:
    """The same of a visit that was not there before: undone, it is cancelled and stays as late."""
    return Unrecorded(None, dict.fromkeys(people, 0), None, None, None)


def undoable_entry_id(db: Session, visit: Visit, *, by: Person, now: datetime) -> int | None:
    """The last entry about the visit, where it is a step that the person may undo."""
    # of what this request did it is known; a later step of others refuses the undoing
    entry = latest_step(db, visit) or db.execute(_LAST_STEP, {"visit_id": visit.id}).first()
    return entry.id if entry and _is_undoable(entry, by, now) else None


# put together once, as every visit that is logged asks for it
_ENTRY = AuditEntry.__table__.c
_LAST_STEP = (
    select(_ENTRY.id, _ENTRY.by_id, _ENTRY.action, _ENTRY.at)
    .where(_ENTRY.subject == Visit.__tablename__, _ENTRY.subject_id == bindparam("visit_id"))
    .order_by(_ENTRY.id.desc())
    .limit(1)
)


def undo_step(  # noqa: PLR0913 - which step, and what its entry does not name
    db: Session, *, visit: Visit, entry_id: int, was: Unrecorded, by: Person, now: datetime
) -> Visit:
    """Set the visit back to what it was before the step of the entry; a new one is cancelled.

    Refused as `not_yours`, and as `not_undoable` once anything else has happened to it.
    """
    entry = _held_step(db, visit, entry_id, by=by, now=now)
    return _set_back(db, visit, entry, was, by=by, now=now)


def undo_imported(  # noqa: PLR0913 - which change, and what its entry does not name
    db: Session, *, visit: Visit, entry_id: int, was: Unrecorded, by: Person, now: datetime
) -> Visit:
    """Set the visit back to what it was before an import changed it.

    Refused as `not_yours`, and as `not_undoable` once anything else has happened to it.
    """
    on = civil_date(now)
    hold_changeable(db, visit, viewer(db, by, on), on)
    entry = _last_entry(db, visit)
    if entry is None or entry.id != entry_id:
        raise Refused("not_undoable")
    return _set_back(db, visit, entry, was, by=by, now=now)


def _set_back(  # noqa: PLR0913 - as `undo_step`
    db: Session, visit: Visit, entry: AuditEntry, was: Unrecorded, *, by: Person, now: datetime
) -> Visit:
    stood, late_by = DatesAndState.of(visit), late_now(db, visit)
    people = late_by.keys()
    old = json.loads(entry.before or "{}")
    if entry.action == _LOGGED:
        # a visit is never deleted: it stays in the trail, and can be restored
        old, was = {"status": Status.CANCELLED.value}, replace(was, late_by=late_by)

    before, after = changes(visit, _columns(old))
    visit.logged_at = was.logged_at
    visit.late_by_days = was.late_by[visit.leader_id]
    visit.verdict, visit.verdict_at = was.verdict, was.verdict_at
    visit.verdict_by_id, visit.verdict_reason = was.verdict_by_id, was.verdict_reason

    links_before, links_after = _set_links_back(db, visit, old, was)
    keep_former_people(db, visit, people - was.late_by.keys())
    record(
        db,
        "visit.undone",
        visit,
        by=by,
        at=now,
        before=before | links_before,
        after=after | links_after,
    )
    collect_edit(
        db,
        visit,
        Edit.VISIT_UNDONE,
        people=people | was.late_by.keys(),
        dates=(stood.first_on, stood.last_on),
        by=by,
        at=now,
    )
    return visit


def _held_step(
    db: Session, visit: Visit, entry_id: int, *, by: Person, now: datetime
) -> AuditEntry:
    """The entry of the step, where the person may still undo it; the visit's row is held."""
    on = civil_date(now)
    me = viewer(db, by, on)
    hold(db, visit)
    entry = _last_entry(db, visit)
    if entry is None or entry.id != entry_id or not _is_undoable(entry, by, now):
        raise Refused("not_undoable")
    # whoever judges a visit need not be among those who may change it
    is_verdict = entry.action in _VERDICTS
    if not (may_judge(db, me, visit.id) if is_verdict else may_change(db, me, visit.id, on)):
        raise Refused("not_yours")
    return entry


def _last_entry(db: Session, visit: Visit) -> AuditEntry | None:
    about = (AuditEntry.subject == Visit.__tablename__) & (AuditEntry.subject_id == visit.id)
    return db.scalar(select(AuditEntry).where(about).order_by(AuditEntry.id.desc()).limit(1))


def _is_undoable(
    entry: Step | AuditEntry | Row[*tuple[Any, ...]], by: Person, now: datetime
) -> bool:
    is_own = entry.by_id == by.id and entry.action in _STEPS
    return is_own and now - entry.at <= UNDO_WITHIN


def _columns(old: Mapping[str, Any]) -> dict[str, object]:
    return {name: _value(name, value) for name, value in old.items() if name not in _LINKS}


def _value(name: str, value: Any) -> object:
    """A value of an entry as its column has it."""
    field = VISIT_FIELDS[name]
    if value is None:
        return None
    if field.choices:
        return field.choices(value)
    if field.kind is FieldKind.MOMENT:
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if field.kind is FieldKind.DATE else value


def _set_links_back(
    db: Session, visit: Visit, old: Mapping[str, Any], was: Unrecorded
) -> tuple[dict[str, object], dict[str, object]]:
    """Set participants, leads and companies to what they were; the values that differed."""
    present: dict[str, list[Any]] = {
        "participant_ids": sorted(participants_of(db, visit.id)),
        "lead_ids": sorted(lead_ids_of(db, visit.id)),
    }
    wanted = {name: old.get(name, ids) for name, ids in present.items()}
    late_by = {person_id: was.late_by[person_id] for person_id in wanted["participant_ids"]}
    set_links(db, visit, late_by=late_by, lead_ids=wanted["lead_ids"])

    if "companies" in old:
        rows = from_entry(old["companies"])
        present["companies"] = entry_of(companies_of(db, visit.id))
        wanted["companies"] = entry_of(rows)
        set_companies(db, visit.id, rows)

    differing = [name for name in present if present[name] != wanted[name]]
    return {name: present[name] for name in differing}, {name: wanted[name] for name in differing}
