"""What an import made or changed, noted from the entries that it left in the trail (ENTRY 6)."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.audit_entries import AuditEntry
from crm.base.bulk import convert, insert_converted
from crm.base.db import batches
from crm.imports.models import ImportMade, ImportRun
from crm.imports.rules import LISTS
from crm.leads.models import Company, Contact, Lead
from crm.people.models import Person
from crm.visits.models import Visit
from crm.visits.taking_back import Unrecorded

# Whether the entry of that action says that the row is new; entries of others are none of rows.
_NEW: Mapping[str, bool] = {
    "visit.imported": True,
    "visit.changed": False,
    "lead.imported": True,
    "company.imported": True,
    "followup.imported": True,
    "unit.added": True,
    "unit.changed": False,
    "person.added": True,
    "person.changed": False,
    "person.enabled": False,
    "posting.added": True,
    "posting.changed": False,
    "absence.approved": True,
    "receipt.added": True,
    "receipt.reversed": True,
}
_CONTACT = "company.contact_imported"
Row = dict[str, Any]


def note_made(
    db: Session,
    run: ImportRun,
    entry_ids: Collection[int],
    *,
    was: Mapping[int, Unrecorded] | None = None,
    now: datetime,
) -> None:
    """Note the rows of these entries; `was`: of changed visits what their entries do not name."""
    rows: list[Row] = []
    lead_entries: dict[int, int] = {}
    contacts: list[Any] = []
    columns = (AuditEntry.id, AuditEntry.action, AuditEntry.subject, AuditEntry.subject_id)
    for part in batches(sorted(entry_ids)):
        query = select(*columns).where(AuditEntry.id.in_(part)).order_by(AuditEntry.id)
        for entry in db.execute(query):
            if entry.action == _CONTACT:
                contacts.append(entry)
            elif entry.action in _NEW:
                rows.append(_row(run, entry, was or {}))
                if entry.action == "lead.imported":
                    lead_entries[entry.subject_id] = entry.id

    # a company is taken back after the leads that came with it: the last row goes first
    companies = [*_companies_of(db, run, lead_entries, now)]
    rows = [*companies, *rows, *_contacts(db, run, contacts, now)]
    if rows:
        insert_converted(db, ImportMade, *convert(db, ImportMade, rows))


def note_new_visits(db: Session, run: ImportRun, made: Iterable[tuple[int, int]]) -> None:
    """Note visits that an import added, by their ids, each with that of its entry."""
    columns = ("run_id", "subject", "subject_id", "entry_id")
    rows = [(run.id, Visit.__tablename__, *ids) for ids in made]
    insert_converted(db, ImportMade, columns, rows)


def _row(run: ImportRun, entry: Any, was: Mapping[int, Unrecorded]) -> Row:
    before = None
    if entry.subject == Visit.__tablename__ and entry.subject_id in was:
        before = json.dumps(asdict(was[entry.subject_id]), default=str)
    return _made(run, entry.subject, entry.subject_id, entry.id) | {
        "is_new": _NEW[entry.action],
        "before": before,
    }


def _made(run: ImportRun, subject: str, row_id: int, entry_id: int) -> Row:
    return {
        "run_id": run.id,
        "subject": subject,
        "subject_id": row_id,
        "entry_id": entry_id,
        "is_new": True,
        "before": None,
    }


def _companies_of(
    db: Session, run: ImportRun, lead_entries: Mapping[int, int], now: datetime
) -> Iterator[Row]:
    """The companies that came with leads: no entry tells of them but those of the leads."""
    found: dict[int, int] = {}
    for part in batches(sorted(lead_entries)):
        query = select(Company.id, Lead.id).join(Lead, Lead.company_id == Company.id)
        new = query.where(Lead.id.in_(part), Company.created_at == now)
        for company_id, lead_id in db.execute(new):
            found.setdefault(company_id, lead_entries[lead_id])
    for company_id, entry_id in found.items():
        yield _made(run, Company.__tablename__, company_id, entry_id)


def _contacts(db: Session, run: ImportRun, entries: Sequence[Any], now: datetime) -> Iterator[Row]:
    """The contacts of entries about their companies, each with its values."""
    names = ("name", "position", "phone", "email")
    last = {entry.subject_id: entry.id for entry in entries}
    for part in batches(sorted(last)):
        new = select(Contact).where(Contact.company_id.in_(part), Contact.created_at == now)
        for contact in db.scalars(new):
            values = {name: getattr(contact, name) for name in names}
            row = _made(run, Contact.__tablename__, contact.id, last[contact.company_id])
            yield row | {"before": json.dumps(values, ensure_ascii=False)}


def record_list(
    db: Session, run: ImportRun, entries: int, *, by: Person | None, now: datetime
) -> None:
    """Record that the person, or a command, has imported so many entries of the list."""
    action = "person.imported" if by else "import_run.published"
    after = {"list": LISTS[run.kind], "entries": entries}
    record(db, action, by or run, by=by, at=now, after=after)
