"""By kind of record, how what an import made or changed of it is taken back (ENTRY 6).

Visits that an import added are cancelled (`crm/visits/batch_undo.py`). A receipt is withdrawn
likewise, and the account of a person is closed.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit_entries import AuditEntry
from crm.base.db import Base
from crm.base.errors import Refused
from crm.followups.models import Followup
from crm.followups.service import remove_imported
from crm.imports.models import ImportMade
from crm.leads.models import Company, Contact, Lead
from crm.leads.removal import remove_company, remove_contact, remove_lead, require_unused
from crm.people.absences import cancel_imported
from crm.people.accounts import close_unused, disable_person
from crm.people.models import Absence, LoginSession, Person, Posting, Unit
from crm.people.postings import PostingData, change_posting, remove_posting
from crm.people.rules import WITH_RECORDS, Duty, Role, UnitKind
from crm.people.service import change_person
from crm.people.units import UnitData, change_unit, remove_unit
from crm.problems.models import Problem
from crm.results.receipt_models import Receipt
from crm.results.receipt_undo import take_back_imported
from crm.visits.models import Visit
from crm.visits.rules import Verdict
from crm.visits.taking_back import Unrecorded, undo_imported

REASON = "撤销导入"
_OF_UNIT = ("name", "kind", "parent_id", "position", "inspects", "coordinates")
_OF_POSTING = ("unit_id", "duty", "is_primary", "from_on", "to_on")
Undoer = Callable[[Session, ImportMade, Person, datetime], None]
Row = TypeVar("Row", bound=Base)


def _row(db: Session, table: type[Row], made: ImportMade) -> Row:
    """The record, held; refused as `import_row_gone` where it is no more."""
    condition = table.__table__.c.id == made.subject_id
    row = db.scalar(select(table).where(condition).with_for_update())
    if row is None:
        raise Refused("import_row_gone")
    return row


def _entry(db: Session, made: ImportMade) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the change of the import was, before and after."""
    entry = db.get_one(AuditEntry, made.entry_id)
    return json.loads(entry.before or "{}"), json.loads(entry.after or "{}")


def _visit(db: Session, made: ImportMade, by: Person, now: datetime) -> None:
    """A known visit that the import changed; those that it added go many at a time."""
    visit = _row(db, Visit, made)
    if db.scalar(select(Problem.id).where(Problem.visit_id == visit.id).limit(1)):
        raise Refused("import_row_used", what=Problem.__tablename__)
    was = _unrecorded(made)
    undo_imported(db, visit=visit, entry_id=made.entry_id, was=was, by=by, now=now)


def _unrecorded(made: ImportMade) -> Unrecorded:
    if made.before is None:  # of a time before that was kept
        raise Refused("not_undoable")
    values = json.loads(made.before)
    for name in ("logged_at", "verdict_at"):
        values[name] = values[name] and datetime.fromisoformat(values[name])
    values["verdict"] = values["verdict"] and Verdict(values["verdict"])
    values["late_by"] = {int(person): days for person, days in values["late_by"].items()}
    return Unrecorded(**values)


def _lead(db: Session, made: ImportMade, by: Person, now: datetime) -> None:
    lead = _row(db, Lead, made)
    remove_lead(db, lead=lead, since_id=made.entry_id, by=by, now=now)


def _company(db: Session, made: ImportMade, by: Person, now: datetime) -> None:
    remove_company(db, company=_row(db, Company, made), by=by, now=now)


def _contact(db: Session, made: ImportMade, by: Person, now: datetime) -> None:
    contact = _row(db, Contact, made)
    values = json.loads(made.before or "{}")
    if contact.lead_id or any(getattr(contact, name) != values[name] for name in values):
        raise Refused("import_row_touched")
    remove_contact(db, contact=contact, by=by, now=now)


def _followup(db: Session, made: ImportMade, by: Person, now: datetime) -> None:
    followup = _row(db, Followup, made)
    require_unused(db, Followup, followup.id)
    remove_imported(db, followup=followup, by=by, now=now)


def _receipt(db: Session, made: ImportMade, by: Person, now: datetime) -> None:
    take_back_imported(db, row=_row(db, Receipt, made), by=by, now=now)


def _absence(db: Session, made: ImportMade, by: Person, now: datetime) -> None:
    cancel_imported(db, absence=_row(db, Absence, made), why=REASON, by=by, now=now)


def _person(db: Session, made: ImportMade, by: Person, now: datetime) -> None:
    """Close the account of whom nothing tells; a changed one gets its former values back."""
    person = _row(db, Person, made)
    if made.is_new:
        if _is_used(db, person.id):
            raise Refused("import_row_touched")
        require_unused(db, Person, person.id)
        close_unused(db, person=person, by=by, now=now)
        return

    before, after = _entry(db, made)
    if "disabled_at" in before:
        disable_person(db, person=person, at=now, by=by, now=now)
        return
    if "role" in after and Role(after["role"]) not in WITH_RECORDS:
        raise Refused("import_role_ended")  # what they had is with others by now
    values = {name: before.get(name, getattr(person, name)) for name in ("name", "email", "phone")}
    role = Role(before.get("role", person.role))
    change_person(db, person=person, **values, role=role, by=by, now=now)


def _posting(db: Session, made: ImportMade, by: Person, now: datetime) -> None:
    posting = _row(db, Posting, made)
    person = db.get_one(Person, posting.person_id)
    if made.is_new:
        if _is_account_of(db, made, person.id) and _is_used(db, person.id):
            raise Refused("import_row_touched")  # else somebody at work would have no unit
        remove_posting(db, posting=posting, person=person, by=by, now=now)
        return

    before, _ = _entry(db, made)
    was = {name: before.get(name, getattr(posting, name)) for name in _OF_POSTING}
    from_on, to_on = was["from_on"], was["to_on"]
    data = PostingData(
        unit=db.get_one(Unit, was["unit_id"]),
        duty=Duty(was["duty"]),
        is_primary=was["is_primary"],
        from_on=from_on if isinstance(from_on, date) else date.fromisoformat(from_on),
        to_on=date.fromisoformat(to_on) if isinstance(to_on, str) else to_on,
    )
    db.refresh(posting, ["person"])
    change_posting(db, posting=posting, data=data, by=by, now=now)


def _is_used(db: Session, person_id: int) -> bool:
    """Whether somebody has signed in to the account."""
    query = select(LoginSession.id).where(LoginSession.person_id == person_id)
    return db.scalar(query.limit(1)) is not None


def _is_account_of(db: Session, made: ImportMade, person_id: int) -> bool:
    """Whether the account came with the same import."""
    query = select(ImportMade.id).where(
        ImportMade.run_id == made.run_id,
        ImportMade.subject == Person.__tablename__,
        ImportMade.subject_id == person_id,
        ImportMade.is_new,
    )
    return db.scalar(query) is not None


def _unit(db: Session, made: ImportMade, by: Person, now: datetime) -> None:
    unit = _row(db, Unit, made)
    if made.is_new:
        require_unused(db, Unit, unit.id)
        remove_unit(db, unit=unit, by=by, now=now)
        return

    before, _ = _entry(db, made)
    was = {name: before.get(name, getattr(unit, name)) for name in _OF_UNIT}
    data = UnitData(**was | {"kind": UnitKind(was["kind"])})
    change_unit(db, unit=unit, data=data, by=by, now=now)


UNDOERS: Mapping[str, Undoer] = {
    "visit": _visit,
    "lead": _lead,
    "company": _company,
    "contact": _contact,
    "followup": _followup,
    "receipt": _receipt,
    "absence": _absence,
    "person": _person,
    "posting": _posting,
    "unit": _unit,
}
