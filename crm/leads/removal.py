"""Leads, companies and contacts that an import made by mistake, removed with what belongs to them.

Only what nobody has built on is removed: everything that refers to it is found by the foreign keys.
The trail keeps what was there.
"""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.audit_entries import AuditEntry
from crm.base.db import Base
from crm.base.errors import Refused
from crm.base.references import references_to, used_by
from crm.leads.models import Company, CompanyAlias, Contact, Lead
from crm.leads.permissions import require_change
from crm.leads.search_index import index_again
from crm.people.models import Person

# Tables whose rows an import writes with a lead, and that its form changes with it.
_PARTS = frozenset(
    {
        *("contact", "milestone", "milestone_plan", "lead_site", "lead_role", "lead_amount"),
        "lead_own_value",
    }
)
_KEPT = ("ref", "title", "stage", "secrecy", "entered_on")
_OF_CONTACT = ("name", "position", "phone", "email")


def require_unused(
    db: Session, target: type[Base], row_id: int, *, but: frozenset[str] = frozenset()
) -> None:
    """Refuse as `import_row_used` what other records refer to."""
    if table := used_by(db, target, row_id, but=but):
        raise Refused("import_row_used", what=table)


def remove_lead(db: Session, *, lead: Lead, since_id: int, by: Person, now: datetime) -> None:
    """Remove a lead with its parts.

    `since_id`: the entry with which it came. Refused as `not_yours`, `import_row_used`, and as
    `import_row_touched` where a contact of it was changed.
    """
    require_change(db, lead, by, now)
    require_unused(db, Lead, lead.id, but=_PARTS)
    contacts = list(db.scalars(select(Contact.id).where(Contact.lead_id == lead.id)))
    for contact_id in contacts:
        require_unused(db, Contact, contact_id)
    if contacts and _contacts_changed(db, lead.company_id, since_id):
        raise Refused("import_row_touched")

    company = db.scalar(select(Company.name).where(Company.id == lead.company_id))
    before = {name: getattr(lead, name) for name in _KEPT} | {"company": company}
    record(db, "lead.import_undone", lead, by=by, at=now, before=before)
    db.flush()
    for table, column in references_to(Lead):
        if table.name in _PARTS:
            db.connection().execute(delete(table).where(column == lead.id))
    _delete(db, Lead, lead)
    index_again(db, Lead, [lead.id])


def remove_company(db: Session, *, company: Company, by: Person, now: datetime) -> None:
    """Remove a company with its other names; refused as `import_row_used`."""
    require_unused(db, Company, company.id, but=frozenset({"company_alias"}))
    of_company = CompanyAlias.company_id == company.id
    aliases = list(db.scalars(select(CompanyAlias.id).where(of_company)))

    before = {"name": company.name, "credit_code": company.credit_code}
    record(db, "company.import_undone", company, by=by, at=now, before=before)
    db.flush()
    db.connection().execute(delete(CompanyAlias).where(of_company))
    _delete(db, Company, company)
    index_again(db, CompanyAlias, aliases)
    index_again(db, Company, [company.id])


def remove_contact(db: Session, *, contact: Contact, by: Person, now: datetime) -> None:
    """Remove a contact that belongs to no lead; refused as `import_row_used`."""
    require_unused(db, Contact, contact.id)
    company = db.get_one(Company, contact.company_id)
    before = {"contact": {name: getattr(contact, name) for name in _OF_CONTACT}}
    record(db, "company.contact_import_undone", company, by=by, at=now, before=before)
    db.flush()
    _delete(db, Contact, contact)


def _contacts_changed(db: Session, company_id: int, since_id: int) -> bool:
    """Whether a contact of the company was changed or merged after that entry."""
    actions = ("company.contact_changed", "company.contacts_merged")
    later = select(AuditEntry.id).where(
        AuditEntry.subject == Company.__tablename__,
        AuditEntry.subject_id == company_id,
        AuditEntry.id > since_id,
        AuditEntry.action.in_(actions),
    )
    return db.scalar(later.limit(1)) is not None


def _delete(db: Session, table: type[Base], row: Lead | Company | Contact) -> None:
    """Delete past the session: its relationships are never loaded by themselves."""
    db.connection().execute(delete(table).where(table.__table__.c.id == row.id))
    db.expunge(row)
