"""A company changed on its own page, by whoever may change all its leads (PROJECTS 1, 6)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.leads.companies import OF_COMPANY, LeadScope, may_change_all
from crm.leads.contacts import ContactData
from crm.leads.credit_codes import credit_code_of, require_credit_code
from crm.leads.models import Company, CompanyAlias, Contact, Lead
from crm.leads.redaction import companies_with_hidden_leads
from crm.people.models import Person
from crm.people.permissions import viewer


@value_class(kw_only=True)
class CompanyChange:
    """The values of a company as its page takes them; a new name is an alias."""

    credit_code: str | None
    group_name: str | None
    country: str | None
    aliases: Sequence[str]


def change_company(
    db: Session, *, company: Company, data: CompanyChange, by: Person, now: datetime
) -> None:
    """Change a company, what its leads say of it, and its aliases.

    Refused as `not_yours`, `bad_credit_code`, `code_taken`.
    """
    scope = _require_all(db, company, by, now)
    values = {
        "credit_code": credit_code_of(data.credit_code),
        "group_name": (data.group_name or "").strip() or None,
        "country": (data.country or "").strip() or None,
    }
    if values["credit_code"] != company.credit_code:
        require_credit_code(values["credit_code"])

    _tell_leads(db, company, values, by=by, now=now)
    values["credit_code"] = _code_to_keep(db, company, values["credit_code"], scope)
    before, after = changes(company, values)
    was, names = _set_aliases(db, company, data.aliases, now)
    if was != names:
        before, after = before | {"aliases": was}, after | {"aliases": names}
    if after:
        record(db, "company.changed", company, by=by, at=now, before=before, after=after)


def save_contact(  # noqa: PLR0913 - whose contact, and what of it
    db: Session,
    *,
    company: Company,
    contact: Contact | None,
    data: ContactData,
    by: Person,
    now: datetime,
) -> Contact:
    """Change a contact, or add one that belongs to no lead; refused as `not_yours`, `required`."""
    _require_all(db, company, by, now)
    name = data.name.strip()
    if not name:
        raise Refused("required", field="name")

    data = data.unmasked_by(contact) if contact else data
    values = {"name": name, "position": data.position, "phone": data.phone, "email": data.email}
    before: dict[str, object] = {}
    if contact is None:
        contact = Contact(company_id=company.id, created_at=now, **values)
        db.add(contact)
        after: dict[str, object] = {name: value for name, value in values.items() if value}
    else:
        before, after = changes(contact, values)

    if after:
        known = {"contact": {"name": name, **after}}
        was = {"contact": before} if before else None
        record(db, "company.contact_changed", company, by=by, at=now, before=was, after=known)
    return contact


def _require_all(db: Session, company: Company, by: Person, now: datetime) -> LeadScope:
    on = civil_date(now)
    scope = LeadScope(viewer(db, by, on), on)
    db.execute(select(Company.id).where(Company.id == company.id).with_for_update())
    if not may_change_all(db, company.id, scope):
        raise Refused("not_yours")
    return scope


def _tell_leads(
    db: Session, company: Company, values: dict[str, str | None], *, by: Person, now: datetime
) -> None:
    """Give the leads the company's new credit code and group, lest theirs go on to be shown."""
    own = {name: values[name] for name in OF_COMPANY if values[name] != getattr(company, name)}
    if not own:
        return
    for lead in db.scalars(select(Lead).where(Lead.company_id == company.id)).all():
        before, after = changes(lead, own)
        if after:
            record(db, "lead.changed", lead, by=by, at=now, before=before, after=after)


def _code_to_keep(db: Session, company: Company, code: str | None, scope: LeadScope) -> str | None:
    """The code, unless another company has it: refused where the viewer may know of that one."""
    other = select(Company.id).where(Company.id != company.id, Company.credit_code == code)
    if code is None or db.scalar(other) is None:
        return code
    if scope.viewer is None:
        raise Refused("code_taken", field="credit_code")

    hidden = companies_with_hidden_leads(scope.viewer, scope.on)
    if db.scalar(other.where(Company.id.not_in(hidden))) is not None:
        raise Refused("code_taken", field="credit_code")
    return company.credit_code  # REGIME 2: the leads alone have it, and nothing tells why


def _set_aliases(
    db: Session, company: Company, names: Sequence[str], now: datetime
) -> tuple[list[str], list[str]]:
    """Keep exactly these aliases; the names before and after."""
    wanted = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    wanted = [name for name in wanted if name != company.name]
    query = select(CompanyAlias).where(CompanyAlias.company_id == company.id)
    kept = list(db.scalars(query.order_by(CompanyAlias.id)))

    for alias in kept:
        if alias.name not in wanted:
            db.delete(alias)
    known = {alias.name for alias in kept}
    db.add_all(
        CompanyAlias(company_id=company.id, name=name, added_at=now)
        for name in wanted
        if name not in known
    )
    db.flush()

    return sorted(known), sorted(wanted)
