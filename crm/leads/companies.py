"""Investors, found again by name or credit code; what is entered of one stays with its lead.

An entry never changes another's record. What only hidden leads tell of a company must
not show anywhere: in a name, a warning or a refusal.
"""

from datetime import date, datetime

from sqlalchemy import ColumnElement, exists, or_, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.names import folded
from crm.base.value_class import value_class
from crm.leads.credit_codes import credit_code_of
from crm.leads.models import Company, Lead
from crm.leads.permissions import changeable, visible
from crm.leads.redaction import companies_with_hidden_leads, has_hidden_leads
from crm.people.models import Person
from crm.people.permissions import Viewer

OF_COMPANY = ("credit_code", "group_name")  # a lead keeps its own, as entered with it


@value_class(kw_only=True)
class CompanyData:
    """A company as it is entered."""

    name: str
    credit_code: str | None = None
    group_name: str | None = None
    country: str | None = None

    @property
    def own(self) -> dict[str, str | None]:
        """Credit code and group, without blanks around them; empty texts are none."""
        code = credit_code_of(self.credit_code)
        return {"credit_code": code, "group_name": (self.group_name or "").strip() or None}


@value_class
class LeadScope:
    """Which leads whoever enters or changes a lead may see; without a viewer, all of them."""

    viewer: Viewer | None
    on: date

    @property
    def visible(self) -> ColumnElement[bool]:
        """The condition on leads."""
        return visible(self.viewer, self.on) if self.viewer else true()


def known_company(db: Session, data: CompanyData, scope: LeadScope) -> Company | None:
    """The company of exactly that name, else one of a like name or that credit code.

    The latter two only where no lead hides it: one that they may see is of it, or there is none.
    """
    name, code = data.name.strip(), data.own["credit_code"]
    # names are unique: it must be this row, whatever the viewer sees of it
    if same := db.scalar(select(Company).where(Company.name == name)):
        return same

    of_it = exists().where(Lead.company_id == Company.id)
    seen = of_it.where(scope.visible) | ~of_it
    called = select(Company).where(Company.folded == folded(name), seen).order_by(Company.id)
    if found := db.scalar(called.limit(1)):
        return found
    if code is None:
        return None

    own: ColumnElement[bool] = Company.credit_code == code
    if scope.viewer:
        own &= Company.id.not_in(companies_with_hidden_leads(scope.viewer, scope.on))

    with_code = exists().where(
        Lead.company_id == Company.id, Lead.credit_code == code, scope.visible
    )
    coded = select(Company).where(seen, or_(own, with_code)).order_by(Company.id)

    return db.scalar(coded.limit(1))


def company_for(db: Session, data: CompanyData, scope: LeadScope, *, now: datetime) -> Company:
    """The known company as it is, or a new one."""
    return known_company(db, data, scope) or _new_company(db, data, now)


def _new_company(db: Session, data: CompanyData, now: datetime) -> Company:
    name, own = data.name.strip(), data.own
    company = Company(name=name, country=(data.country or "").strip() or None, created_at=now)
    company.group_name = own["group_name"]
    company.credit_code = _free_code(db, own["credit_code"], None)

    try:
        with db.begin_nested():
            db.add(company)
    except IntegrityError:  # somebody entered it at the same moment
        if existing := db.scalar(select(Company).where(Company.name == name)):
            return existing
        raise

    return company


def changed_company(
    db: Session, lead: Lead, data: CompanyData, scope: LeadScope, *, now: datetime
) -> Company:
    """The company of a changed lead: its row is renamed where the lead is its only one.

    Else it is another company: also where only hidden leads share the row.
    """
    company = db.get_one(Company, lead.company_id)
    if data.name.strip() == company.name:
        return company

    others = select(Lead.id).where(Lead.company_id == company.id, Lead.id != lead.id).limit(1)
    known = known_company(db, data, scope)
    if known not in (None, company):
        return known
    if known is company and db.scalar(others.where(scope.visible)) is not None:
        return company  # of a like name, and openly shared
    # shared with hidden leads alone: their company keeps its name
    if db.scalar(others) is not None:
        return _new_company(db, data, now)

    company.name = data.name.strip()
    db.flush()

    return company


def update_company(  # noqa: PLR0913 - whose company, what of it, by whom and when
    db: Session,
    company: Company,
    values: dict[str, str | None],
    scope: LeadScope,
    *,
    by: Person | None,
    now: datetime,
) -> None:
    """Update a company where `by` may change all its leads; else do nothing.

    With one lead, that lead's audit entry has the change: another entry would reveal a hidden lead.
    """
    if not values or not may_change_all(db, company.id, scope):
        return

    if "credit_code" in values:
        values = values | {"credit_code": _free_code(db, values["credit_code"], company)}

    before, after = changes(company, values)
    # two are enough to know that it is shared
    leads = db.scalars(select(Lead.id).where(Lead.company_id == company.id).limit(2)).all()
    if after and len(leads) > 1:
        record(db, "company.changed", company, by=by, at=now, before=before, after=after)


def may_change_all(db: Session, company_id: int, scope: LeadScope) -> bool:
    """Whether they may change each of the company's leads."""
    if scope.viewer is None:
        return True
    # not `~changeable`: of a lead that nobody entered it is unknown, and so would be its opposite
    mine = select(Lead.id).where(changeable(scope.viewer, scope.on)).correlate(None)
    others = select(Lead.id).where(Lead.company_id == company_id, Lead.id.not_in(mine))
    return db.scalar(others.limit(1)) is None


def _free_code(db: Session, code: str | None, company: Company | None) -> str | None:
    """The code, unless another company has it; then what the company has stays."""
    # the column is unique: two companies cannot have one code
    taken = select(Company.id).where(Company.credit_code == code)
    if company:
        taken = taken.where(Company.id != company.id)
    if code and db.scalar(taken) is not None:
        return company.credit_code if company else None
    return code


def company_values_shown(
    db: Session, lead: Lead, company: Company, scope: LeadScope
) -> dict[str, str | None]:
    """Credit code and group as a visible lead shows them: its own, else the company's.

    The company's only where no lead of it is hidden from the viewer.
    """
    hides = scope.viewer is not None and has_hidden_leads(db, scope.viewer, company.id, scope.on)
    return values_of_company(lead, company, hides=hides)


def values_of_company(lead: Lead, company: Company, *, hides: bool) -> dict[str, str | None]:
    """The same, where it is known whether the company hides a lead from the viewer."""
    return {
        name: getattr(lead, name) or (None if hides else getattr(company, name))
        for name in OF_COMPANY
    }
