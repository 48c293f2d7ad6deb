"""What the pages of companies read: only what the viewer's visible leads tell (PROJECTS 1)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, false, func, or_, select, true
from sqlalchemy.orm import Session

from crm.base.choices import MOST_FOUND, Choice
from crm.base.db import batches
from crm.base.names import folded, spellings
from crm.base.paging import PAGE, Page, place_at
from crm.base.remembered import remembered
from crm.base.sheets import MOST_ROWS
from crm.base.value_class import value_class
from crm.leads.companies import OF_COMPANY, LeadScope, may_change_all
from crm.leads.contact_permissions import works_with
from crm.leads.lists import ListedLead, listed_leads
from crm.leads.models import Company, CompanyAlias, Contact, Lead
from crm.leads.permissions import visible
from crm.leads.reached import companies_reached
from crm.leads.redaction import companies_with_hidden_leads
from crm.leads.search_index import likely_companies
from crm.people.permissions import Viewer
from crm.people.rules import WITH_RECORDS

MOST_LEADS = 100  # on a company's page; the list of leads has them all


@value_class
class CompanyFilter:
    """What a list of companies is narrowed to."""

    text: str = ""


@value_class
class ListedCompany:
    """A company in a list, with what the viewer's leads tell of it."""

    id: int
    name: str
    group_name: str | None
    leads: int  # visible ones
    lead_id: int | None  # the latest of them
    lead_title: str | None


@value_class
class ProjectCompany:
    """A company that was registered for a project (项目公司), of a lead that the viewer sees."""

    lead_id: int
    title: str
    investor: str
    name: str | None
    code: str | None


@value_class
class SeenCompanyPage:
    """A company with all that the viewer may read of it."""

    company: Company
    values: dict[str, str | None]  # credit code and group
    aliases: list[CompanyAlias]
    contacts: list[Contact]
    plain_ids: frozenset[int]  # of those whose numbers the viewer reads without asking
    leads: list[ListedLead]
    lead_ids: Sequence[int]  # all visible ones
    may_change: bool
    project_companies: list[ProjectCompany]


def visible_company(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Companies of a visible lead, and those without any; others do not exist for the viewer."""
    if viewer.role not in WITH_RECORDS:
        return false()
    of_it = exists().where(Lead.company_id == Company.id)
    return of_it.where(visible(viewer, on)) | ~of_it


def companies_page(  # noqa: PLR0913 - a page is asked for by that much
    db: Session,
    viewer: Viewer,
    on: date,
    *,
    by: CompanyFilter,
    cursor: str | None = None,
    size: int = PAGE,
) -> Page[ListedCompany]:
    """A page of companies, the latest entered first."""
    place = place_at(cursor, on=Company.created_at, row_id=Company.id, size=size)
    page = place.cut(db.execute(place.narrowed(_asked(db, viewer, on, by))).all())
    return Page(_listed(db, viewer, on, page.items), page.newer, page.older)


def all_companies(
    db: Session, viewer: Viewer, on: date, *, by: CompanyFilter
) -> list[ListedCompany]:
    """All companies of the list in its order, for a file."""
    latest = _asked(db, viewer, on, by).order_by(Company.created_at.desc(), Company.id.desc())
    # further ones would fit into no file
    rows = db.execute(latest.limit(MOST_ROWS)).all()
    return [row for part in batches(rows) for row in _listed(db, viewer, on, part)]


def _asked(db: Session, viewer: Viewer, on: date, by: CompanyFilter) -> Select[*tuple[Any, ...]]:
    query = select(Company.id, Company.name, Company.created_at, _group(viewer, on)).where(
        visible_company(viewer, on)
    )
    if not by.text.strip():
        return query
    reached = companies_reached(db, by.text, viewer, on)
    return query.where(matching_companies(db, by.text, viewer, on, reached=reached))


def _listed(db: Session, viewer: Viewer, on: date, rows: Sequence[Row[Any]]) -> list[ListedCompany]:
    leads = _leads_by_company(db, viewer, on, [row.id for row in rows])
    return [
        ListedCompany(row.id, row.name, row.group_name, *leads.get(row.id, (0, None, None)))
        for row in rows
    ]


def found_companies(db: Session, viewer: Viewer, on: date, text: str) -> list[Choice]:
    """Companies found by the text, the latest first; one more than a list shows, if any."""
    query = select(Company.id, Company.name).where(
        visible_company(viewer, on), matching_companies(db, text, viewer, on)
    )
    latest = query.order_by(Company.created_at.desc(), Company.id.desc())
    return [Choice(*row, None) for row in db.execute(latest.limit(MOST_FOUND + 1))]


def company_of(db: Session, viewer: Viewer, company_id: int, on: date) -> Company | None:
    """The company, where the viewer may see it; none: 404."""
    query = select(Company).where(Company.id == company_id, visible_company(viewer, on))
    return db.scalar(query)


def _leads_around(db: Session, viewer: Viewer, company: Company, on: date) -> list[Row[Any]]:
    """The company's leads, and those whose project company it is itself."""
    around = (Lead.company_id == company.id) | (Lead.project_company == company.name)
    if company.credit_code:
        around |= Lead.project_company_code == company.credit_code
    query = (
        select(
            *(Lead.id, Lead.company_id, Lead.credit_code, Lead.group_name, Lead.title),
            *(Lead.project_company, Lead.project_company_code, Company.name.label("investor")),
        )
        .join(Lead.company)
        .where(around, visible(viewer, on))
        .order_by(Lead.entered_on.desc(), Lead.id.desc())
    )
    return list(db.execute(query))


def _project_companies(leads: Iterable[Row[Any]]) -> list[ProjectCompany]:
    return [
        ProjectCompany(
            row.id, row.title, row.investor, row.project_company, row.project_company_code
        )
        for row in leads
        if row.project_company
    ]


def company_page(db: Session, viewer: Viewer, company_id: int, on: date) -> SeenCompanyPage | None:
    """What the viewer reads of the company; none where they may not see it: 404."""
    hides_lead = Company.id.in_(companies_with_hidden_leads(viewer, on)).label("hides")
    query = select(Company, hides_lead)
    query = query.where(Company.id == company_id, visible_company(viewer, on))
    # read anew, whatever this session knows of it already
    row = db.execute(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        return None

    company, hides = row
    leads = _leads_around(db, viewer, company, on)
    own = [row for row in leads if row.company_id == company.id]
    lead_ids = [row.id for row in own]
    contacts = _contacts(db, viewer, company, on, hides=bool(hides))

    values = {
        name: (None if hides else getattr(company, name))
        or next((getattr(row, name) for row in own if getattr(row, name)), None)
        for name in OF_COMPANY
    }
    return SeenCompanyPage(
        company=company,
        values=values,
        # another name, too, may have come with a hidden lead
        aliases=[] if hides else _aliases(db, company),
        contacts=list(contacts),
        plain_ids=frozenset(row.id for row, is_plain in contacts.items() if is_plain),
        leads=listed_leads(db, lead_ids[:MOST_LEADS], on),
        lead_ids=lead_ids,
        may_change=remembered(
            *(db, "may change all leads", company.id, viewer.person_id, on),
            read=lambda: may_change_all(db, company.id, LeadScope(viewer, on)),
        ),
        project_companies=_project_companies(leads),
    )


def _aliases(db: Session, company: Company) -> list[CompanyAlias]:
    query = select(CompanyAlias).where(CompanyAlias.company_id == company.id)
    return list(db.scalars(query.order_by(CompanyAlias.id)))


def _contacts(
    db: Session, viewer: Viewer, company: Company, on: date, *, hides: bool
) -> dict[Contact, bool]:
    """The contacts that the viewer sees, each with whether their number is shown at once."""
    seen = select(Lead.id).where(Lead.company_id == company.id, visible(viewer, on))
    without_lead = Contact.lead_id.is_(None) & (false() if hides else true())
    query = select(Contact, works_with(viewer, on)).where(
        Contact.company_id == company.id, or_(Contact.lead_id.in_(seen), without_lead)
    )
    return dict(db.execute(query.order_by(Contact.id)).all())


def _group(viewer: Viewer, on: date) -> ColumnElement[str | None]:
    """The group of a company that hides no lead."""
    open_ones = Company.id.not_in(companies_with_hidden_leads(viewer, on))
    shown: Select[str | None] = select(Company.group_name).where(open_ones)
    return shown.correlate(Company).scalar_subquery().label("group_name")


def _leads_by_company(
    db: Session, viewer: Viewer, on: date, company_ids: Collection[int]
) -> dict[int, tuple[int, int | None, str | None]]:
    """By company: how many visible leads it has, and the latest of them."""
    latest = func.row_number().over(
        partition_by=Lead.company_id, order_by=(Lead.entered_on.desc(), Lead.id.desc())
    )
    count = func.count().over(partition_by=Lead.company_id)
    ranked = (
        select(Lead.company_id, Lead.id, Lead.title, count.label("leads"), latest.label("place"))
        .where(Lead.company_id.in_(company_ids), visible(viewer, on))
        .subquery()
    )
    found: defaultdict[int, tuple[int, int | None, str | None]] = defaultdict(
        lambda: (0, None, None)
    )
    for row in db.execute(select(ranked).where(ranked.c.place == 1)):
        found[row.company_id] = (row.leads, row.id, row.title)
    return found


def matching_companies(
    db: Session, text: str, viewer: Viewer, on: date, *, reached: Collection[int] = ()
) -> ColumnElement[bool]:
    """Companies found by the text in name, alias, group or credit code, and those reached."""
    called, typed = folded(text), spellings(text)
    hidden = exists().where(Lead.company_id == Company.id, ~visible(viewer, on))
    aliases = select(CompanyAlias.company_id).where(
        CompanyAlias.search.contains(called, autoescape=True)
    )
    groups = [Company.group_name.icontains(spelling, autoescape=True) for spelling in typed]
    found = Company.search.contains(called, autoescape=True)
    coded = Company.credit_code == called.upper()
    # REGIME 2: these may have come with a hidden lead
    told = or_(*groups, coded, Company.id.in_(aliases))

    likely = likely_companies(db, text)
    narrowed = true() if likely is None else Company.id.in_([*likely, *reached]) | coded
    return narrowed & or_(found, told & ~hidden, Company.id.in_(reached))
