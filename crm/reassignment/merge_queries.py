"""What the pages of merges read: with what a record may be merged, and the two side by side."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import false, select
from sqlalchemy.orm import Session

from crm.base.audit_entries import AuditEntry
from crm.base.masking import masked_phone
from crm.base.names import folded
from crm.base.value_class import value_class
from crm.leads.companies import LeadScope
from crm.leads.duplicates import Entered, duplicates
from crm.leads.merged import Mergeable
from crm.leads.models import Company, Contact, Lead
from crm.leads.own_fields import is_own_code
from crm.leads.own_values import held_values, own_rows
from crm.leads.queries import matching
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.reassignment.merge_rights import mergeable
from crm.reassignment.merge_rules import Confirmed
from crm.reassignment.merges import TABLES, fields_of

MOST_TARGETS = 30
AS_AUDITED = {"company_id": "company"}  # what the trail calls a field by another name


@value_class
class Comparison:
    """A field of both records: its values, when and by whom each was last confirmed."""

    field: str
    mine: Confirmed
    other: Confirmed


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
        return [(row.id, row.name, masked_phone(row.phone or "")) for row in rows]

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
