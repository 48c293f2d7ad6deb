"""What the pages of merges read: the two records side by side, and what came after a merge."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import false, select
from sqlalchemy.orm import Session

from crm.base.audit_entries import AuditEntry
from crm.base.clock import civil_date
from crm.base.names import folded
from crm.base.remembered import remembered
from crm.leads.companies import LeadScope
from crm.leads.duplicates import Entered, duplicates
from crm.leads.merged import Merge, Mergeable
from crm.leads.milestone_kinds import milestone_kinds
from crm.leads.models import Company, Contact, Lead
from crm.leads.own_fields import is_own_code
from crm.leads.own_values import held_values, own_rows
from crm.leads.permissions import visible
from crm.leads.queries import matching
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.reassignment.merge_journal import Journal, Row, key_of, references_to, rows_of
from crm.reassignment.merge_rights import mergeable
from crm.reassignment.merge_rules import Confirmed
from crm.reassignment.merges import TABLES, fields_of
from crm.visits.models import Visit

MOST_TARGETS = 30
AS_AUDITED = {"company_id": "company"}  # what the trail calls a field by another name


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field of both records: its values, when and by whom each was last confirmed."""

    field: str
    mine: Confirmed
    other: Confirmed


@dataclass(frozen=True, slots=True)
class CameSince:
    """A row that came to the survivor after the merge, and may move to the other record."""

    key: str  # names it in a form
    table: str
    text: str


def record_for(db: Session, subject: Mergeable, record_id: int, viewer: Viewer, on: date) -> Any:
    """The record, where the viewer may merge it; none: 404."""
    table = TABLES[subject]
    query = select(table).where(table.id == record_id, mergeable(db, subject, viewer, on))
    return db.scalar(query)


def merge_targets(  # noqa: PLR0913, PLR0917 - whose record, who asks, for what
    db: Session, subject: Mergeable, record: Any, viewer: Viewer, on: date, text: str
) -> list[tuple[int, str, str]]:
    """Id, name and note of what the record may be merged with: found by the text, else alike."""
    allowed = mergeable(db, subject, viewer, on)
    if subject is Mergeable.CONTACT:
        contacts = select(Contact.id, Contact.name, Contact.phone).where(
            Contact.company_id == record.company_id, allowed
        )
        rows = db.execute(contacts.order_by(Contact.id))
        return [(row.id, row.name, row.phone or "") for row in rows]

    name = record.name if subject is Mergeable.COMPANY else _company_name(db, record)
    scope = LeadScope(viewer, on)
    alike = duplicates(db, Entered(name=text or name, credit_code=record.credit_code), scope)
    if subject is Mergeable.COMPANY:
        ids = {row.company_id for row in alike}
        query = select(Company.id, Company.name, Company.credit_code).where(allowed)
        found = Company.folded.contains(folded(text), autoescape=True) if text else false()
        rows = db.execute(query.where(Company.id.in_(ids) | found).limit(MOST_TARGETS))
        return [(row.id, row.name, row.credit_code or "") for row in rows]

    query = select(Lead.id, Lead.title, Company.name).join(Lead.company).where(allowed)
    found = matching(db, text, viewer, on) if text else Lead.company_id == record.company_id
    ids = {row.lead_id for row in alike}
    rows = db.execute(query.where(Lead.id.in_(ids) | found).limit(MOST_TARGETS))
    return [(row.id, row.title, row.name) for row in rows]


def _company_name(db: Session, lead: Lead) -> str:
    return db.get_one(Company, lead.company_id).name


def comparisons(db: Session, subject: Mergeable, mine: Any, other: Any) -> list[Comparison]:
    """The fields in which the two records differ."""
    sides = [_confirmed(db, subject, row) for row in (mine, other)]
    return [
        Comparison(name, sides[0][name], sides[1][name])
        for name in fields_of(db, subject)
        if sides[0][name].value != sides[1][name].value
    ]


def _confirmed(db: Session, subject: Mergeable, row: Any) -> Mapping[str, Confirmed]:
    """By field, its value and who last entered or changed it."""
    query = (
        select(AuditEntry.at, AuditEntry.after, Person.name)
        .outerjoin(Person, Person.id == AuditEntry.by_id)
        .where(AuditEntry.subject == subject.value, AuditEntry.subject_id == row.id)
        .order_by(AuditEntry.id)
    )
    entries = [(at, json.loads(after or "{}"), by) for at, after, by in db.execute(query)]
    begun = row.entered_at if isinstance(row, Lead) else row.created_at

    own = held_values(own_rows(db, row.id)) if subject is Mergeable.LEAD else {}
    found = {}
    for name in fields_of(db, subject):
        told = AS_AUDITED.get(name, name)
        last = next(((at, by) for at, after, by in reversed(entries) if told in after), None)
        at, by = last or (begun, entries[0][2] if entries else None)
        value = own.get(name) if is_own_code(name) else _value(db, row, name)
        found[name] = Confirmed(value, at, by)
    return found


def _value(db: Session, row: Any, name: str) -> object:
    if name == "company_id":
        return db.scalar(select(Company.name).where(Company.id == row.company_id))
    if name == "amount":
        return (row.amount, row.currency) if row.amount is not None else None
    return getattr(row, name)


def merge_for(db: Session, merge_id: int, viewer: Viewer, on: date) -> Merge | None:
    """The merge, where the viewer may take it back; none: 404."""
    kept = db.get(Merge, merge_id)
    if kept is None or record_for(db, kept.subject, kept.survivor_id, viewer, on) is None:
        return None
    return kept


def came_since(db: Session, kept: Merge, viewer: Viewer) -> Sequence[CameSince]:
    """What came to the survivor after the merge, as far as the viewer may see it."""
    # a query for each table that refers to the survivor
    return remembered(
        *(db, "came since", kept.id, viewer.person_id),
        read=lambda: _came_since(db, kept, viewer),
    )


def _came_since(db: Session, kept: Merge, viewer: Viewer) -> list[CameSince]:
    on = civil_date(kept.merged_at)
    journal, found = Journal.read(kept.journal), []
    moved = journal.moved_keys()
    for table, column in references_to(TABLES[kept.subject]):
        before = journal.own.get(f"{column.name} of {table.name}", [])
        known = [*before, *moved.get(table.name, [])]
        for row in rows_of(db, table, column, kept.survivor_id):
            key = key_of(table, row)
            if key in known:
                continue
            text = _described(db, table.name, row, viewer, on)
            if text is not None:
                found.append(CameSince(_named(table.name, column.name, key), table.name, text))
    return found


def chosen(db: Session, kept: Merge, viewer: Viewer, names: Sequence[str]) -> Iterator[Row]:
    """Of what came since, the rows of those names: table, column and key."""
    for row in came_since(db, kept, viewer):
        if row.key in names:
            table, column, key = row.key.split(":", 2)
            yield {"table": table, "column": column, "key": json.loads(key)}


def _named(table: str, column: str, key: Row) -> str:
    return f"{table}:{column}:{json.dumps(key, sort_keys=True)}"


def _described(db: Session, table: str, row: Row, viewer: Viewer, on: date) -> str | None:
    """What a row is, in a few words; none where the viewer may not see it."""
    lead_id = row["id"] if table == "lead" else row.get("lead_id")
    if lead_id is not None:
        seen = select(Lead.title).where(Lead.id == lead_id, visible(viewer, on))
        title = db.scalar(seen)
        if title is None:
            return None
        if table == "lead":
            return title

    if table == "visit_lead":
        visit = db.get_one(Visit, row["visit_id"])
        return f"{visit.first_on:%Y-%m-%d} {visit.city or ''}{visit.kind.label}"
    if table == "milestone":
        return f"{milestone_kinds(db).names[row['kind']]} {row['reached_on']:%Y-%m-%d}"
    names = ("what", "title", "name", "ref")
    return str(next((row[name] for name in names if row.get(name)), ""))
