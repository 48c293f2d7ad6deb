"""Investors: found again by name or credit code, so that one company is one row (REGIME 6)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.names import folded
from crm.leads.models import Company, Contact, Lead


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyData:
    """What is told of a company."""

    name: str
    credit_code: str | None = None
    group_name: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactData:
    """Whom to reach at a company."""

    name: str
    position: str | None = None
    phone: str | None = None
    email: str | None = None


def _code(data: CompanyData) -> str | None:
    return (data.credit_code or "").strip().upper() or None


def known_company(db: Session, data: CompanyData) -> Company | None:
    """The company of that name, however it is typed, else of that credit code."""
    name = data.name.strip()
    called = select(Company).where(Company.folded == folded(name))
    if found := db.scalar(called.order_by(Company.name != name, Company.id).limit(1)):
        return found
    if code := _code(data):
        return db.scalar(select(Company).where(Company.credit_code == code))
    return None


def company_for(db: Session, data: CompanyData, *, now: datetime) -> Company:
    """The known company, its empty fields filled, or a new one."""
    company = known_company(db, data) or _new_company(db, data, now)
    for field, value in _told(db, data, company).items():
        if not getattr(company, field):
            setattr(company, field, value)
    db.flush()
    return company


def _new_company(db: Session, data: CompanyData, now: datetime) -> Company:
    name = data.name.strip()
    company = Company(name=name, created_at=now)
    try:
        with db.begin_nested():
            db.add(company)
    except IntegrityError:  # somebody entered it at the same moment
        if there := known_company(db, data):
            return there
        raise
    return company


def changed_company(db: Session, lead: Lead, data: CompanyData, *, now: datetime) -> Company:
    """The company of a changed lead: its own row corrected where no other lead shares it."""
    company = db.get_one(Company, lead.company_id)
    leads = select(func.count()).select_from(Lead).where(Lead.company_id == company.id)
    if known_company(db, data) not in (None, company) or db.scalar(leads) != 1:
        return company_for(db, data, now=now)  # shared: only filled
    company.name = data.name.strip()
    for field, value in _told(db, data, company).items():
        setattr(company, field, value)
    db.flush()
    return company


def _told(db: Session, data: CompanyData, company: Company) -> dict[str, str | None]:
    code = _code(data)
    taken = code and db.scalar(
        select(Company.id).where(Company.credit_code == code, Company.id != company.id)
    )
    return {
        "credit_code": company.credit_code if taken else code,
        "group_name": (data.group_name or "").strip() or None,
        "country": (data.country or "").strip() or None,
    }


def add_contact(db: Session, company: Company, data: ContactData, *, now: datetime) -> Contact:
    """Whom to reach there; the same name at one company is one contact, brought up to date."""
    name = data.name.strip()
    contact = db.scalar(
        select(Contact).where(Contact.company_id == company.id, Contact.name == name).limit(1)
    )
    if contact is None:
        contact = Contact(company_id=company.id, name=name, created_at=now)
        db.add(contact)
    contact.position = data.position or contact.position
    contact.phone = data.phone or contact.phone
    contact.email = data.email or contact.email
    db.flush()
    return contact
