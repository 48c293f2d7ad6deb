"""Where the data of one contact are kept."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from crm.base.answered_requests import AnsweredRequest
from crm.base.audit_entries import AuditEntry
from crm.base.outbox import Message
from crm.base.value_class import value_class
from crm.bulk_changes.models import BulkChange
from crm.digests.models import KeptDigest
from crm.files.models import Attachment
from crm.followups.models import Followup
from crm.imports.models import ImportMade
from crm.leads.merged import Merge
from crm.leads.models import Company, Contact, Lead
from crm.leads.proposal_models import CompanyProposal, ProposalField
from crm.personal_data.models import KeptContact
from crm.personal_data.rules import PersonalData, pseudonym_of
from crm.personal_data.scopes import AboutCompanies
from crm.personal_data.text_columns import FILES
from crm.visits.models import Visit, VisitCompany, VisitLead

Column = InstrumentedAttribute[Any]


@value_class
class Places:
    """The rows in which the contact stands as data; each may be changed without a question."""

    company: Company
    contacts: Sequence[Contact]  # the one asked for, and others of that person
    data: PersonalData
    about: AboutCompanies
    lead_ids: Sequence[int]  # of the company
    visits: Sequence[Visit]  # that met the contact
    met: Sequence[VisitCompany]
    followups: Sequence[Followup]
    proposals: Sequence[CompanyProposal]
    merges: Sequence[Merge]
    imported: Sequence[ImportMade]
    bulk: Sequence[BulkChange]
    kept: Sequence[KeptContact]
    messages: Sequence[Message]
    digests: Sequence[KeptDigest]
    answers: Sequence[AnsweredRequest]
    files: Sequence[Any]  # attachments whose names name the contact
    entries: Sequence[AuditEntry]  # of the trail


def places_of(db: Session, contact: Contact) -> Places:
    """All of them; for the whole company, whoever asks: that is the admins'."""
    company = db.get_one(Company, contact.company_id)
    contacts = _same_person(db, contact)
    data = PersonalData(
        frozenset(row.name for row in contacts),
        frozenset(value for row in contacts for value in (row.phone, row.email) if value),
        pseudonym_of(contact.id),
    )
    company_ids = {row.company_id for row in contacts}
    lead_ids = db.scalars(select(Lead.id).where(Lead.company_id.in_(company_ids))).all()
    about = AboutCompanies(company.name, company_ids, lead_ids)
    visits = _visits(db, company_ids, lead_ids, data)
    followups = _followups(db, lead_ids, data)
    return Places(
        company,
        contacts,
        data,
        about,
        lead_ids,
        visits,
        _met(db, visits, data),
        followups,
        _proposals(db, contacts, company_ids),
        _naming(db, Merge, Merge.journal, data, Merge.merged_name),
        _naming(db, ImportMade, ImportMade.before, data),
        _naming(db, BulkChange, BulkChange.journal, data),
        _kept(db, contacts),
        _in_text(db, Message, data, company, Message.body_text, Message.subject),
        _in_text(db, KeptDigest, data, company, KeptDigest.document),
        _in_text(
            *(db, AnsweredRequest, data, company),
            *(AnsweredRequest.answer, AnsweredRequest.messages),
        ),
        [file for table in FILES for file in _files(db, table, about, data)],
        _entries(db, company_ids, lead_ids, data),
    )


def _same_person(db: Session, contact: Contact) -> Sequence[Contact]:
    """The contact first; others of that name at the company, or of that name and number."""
    same = Contact.company_id == contact.company_id
    if contact.phone:
        same |= Contact.phone == contact.phone
    if contact.email:
        same |= Contact.email == contact.email
    query = select(Contact).where(Contact.name == contact.name, same, Contact.id != contact.id)
    return [contact, *db.scalars(query.order_by(Contact.id))]


def _ids(rows: Sequence[Any]) -> list[int]:
    return [row.id for row in rows]


def _contains(column: Column, words: frozenset[str]) -> ColumnElement[bool]:
    found = [column.contains(word, autoescape=True) for word in sorted(words)]
    return or_(false(), *found)


def _visits(
    db: Session, company_ids: set[int], lead_ids: Sequence[int], data: PersonalData
) -> Sequence[Visit]:
    """Visits of the company or of its leads at which somebody of that name was met."""
    of_company = select(VisitCompany.visit_id).where(VisitCompany.company_id.in_(company_ids))
    of_leads = select(VisitLead.visit_id).where(VisitLead.lead_id.in_(lead_ids))
    met = select(VisitCompany.visit_id).where(_contains(VisitCompany.met, data.names))
    query = select(Visit).where(
        Visit.id.in_(of_company) | Visit.id.in_(of_leads),
        _contains(Visit.met, data.names) | Visit.id.in_(met),
    )
    return db.scalars(query.order_by(Visit.id)).all()


def _met(db: Session, visits: Sequence[Visit], data: PersonalData) -> Sequence[VisitCompany]:
    of_visits = VisitCompany.visit_id.in_(_ids(visits))
    query = select(VisitCompany).where(of_visits, _contains(VisitCompany.met, data.names))
    return db.scalars(query.order_by(VisitCompany.id)).all()


def _followups(db: Session, lead_ids: Sequence[int], data: PersonalData) -> Sequence[Followup]:
    met = _contains(Followup.met, data.names)
    query = select(Followup).where(Followup.lead_id.in_(lead_ids), met)
    return db.scalars(query.order_by(Followup.id)).all()


def _proposals(
    db: Session, contacts: Sequence[Contact], company_ids: set[int]
) -> Sequence[CompanyProposal]:
    names = {row.name for row in contacts}
    named = CompanyProposal.company_id.in_(company_ids) & CompanyProposal.value.in_(names)
    query = select(CompanyProposal).where(
        CompanyProposal.field == ProposalField.CONTACT,
        CompanyProposal.contact_id.in_(_ids(contacts)) | named,
    )
    return db.scalars(query.order_by(CompanyProposal.id)).all()


def _naming(db: Session, table: Any, column: Column, data: PersonalData, *more: Column) -> Any:
    """Rows in whose JSON, or in another column, one of the values stands by itself."""
    quoted = frozenset(f'"{word}"' for word in data.words)
    found = _contains(column, quoted)
    for other in more:
        found |= other.in_(data.names)
    return db.scalars(select(table).where(found)).all()


def _in_text(
    db: Session, table: Any, data: PersonalData, company: Company, column: Column, *more: Column
) -> Any:
    """Rows whose text has a number or address, or the name together with the company's."""
    columns = (column, *more)
    reached = [_contains(each, data.reach) for each in columns]
    named = or_(*(_contains(each, data.names) for each in columns))
    at_company = or_(*(each.contains(company.name, autoescape=True) for each in columns))
    return db.scalars(select(table).where(or_(*reached, named & at_company))).all()


def _kept(db: Session, contacts: Sequence[Contact]) -> Sequence[KeptContact]:
    of_them = KeptContact.contact_id.in_(_ids(contacts))
    return db.scalars(select(KeptContact).where(of_them)).all()


def _files(
    db: Session, table: Any, about: AboutCompanies, data: PersonalData
) -> Sequence[Attachment]:
    of_company = table.record_id.in_(about.ids_of(table.record))
    named = of_company & _contains(table.name, data.names)
    return db.scalars(select(table).where(named | _contains(table.name, data.reach))).all()


def _entries(
    db: Session, company_ids: set[int], lead_ids: Sequence[int], data: PersonalData
) -> Sequence[AuditEntry]:
    """Entries that have one of the values: about the company, its leads, or with a number."""
    words = frozenset(data.words)
    about = or_(
        (AuditEntry.subject == Company.__tablename__) & AuditEntry.subject_id.in_(company_ids),
        (AuditEntry.subject == Lead.__tablename__) & AuditEntry.subject_id.in_(lead_ids),
        AuditEntry.subject.in_((Visit.__tablename__, Followup.__tablename__)),
    )
    reached = _contains(AuditEntry.before, data.reach) | _contains(AuditEntry.after, data.reach)
    named = _contains(AuditEntry.before, words) | _contains(AuditEntry.after, words)
    return db.scalars(select(AuditEntry).where(reached | (about & named))).all()
