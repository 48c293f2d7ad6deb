"""Who may see which lead, and what pages and digests read of leads (REGIME 2 and 6)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select, true
from sqlalchemy.orm import Session, joinedload, selectinload

from crm.base.names import folded, spellings
from crm.base.paging import Page, page_of
from crm.base.periods import DAY
from crm.leads.models import Company, Contact, Lead, LeadRole
from crm.leads.rules import LeadRoleKind, Secrecy, Stage
from crm.people.models import Posting
from crm.people.queries import Viewer, held_on
from crm.people.rules import OVERSEEING, WITH_RECORDS, Role

HIDDEN = "内部线索"  # an internal lead, for those who may not see it: it has no code name
MOST_CHOICES = 500


@dataclass(frozen=True, slots=True)
class LeadLabel:
    """How a lead is called before a viewer: its title, or its code name and no way to its page."""

    id: int | None
    text: str
    company: str | None
    secrecy: Secrecy


@dataclass(frozen=True, slots=True)
class LeadChoice:
    """A lead to choose in a form, with what it is found by."""

    id: int
    title: str
    company: str
    search: str


@dataclass(frozen=True, slots=True)
class LeadFilter:
    """What a list of leads is narrowed to; what is left out narrows nothing."""

    text: str = ""
    stage: Stage | None = None
    industry: str | None = None
    park_id: int | None = None
    secrecy: Secrecy | None = None
    unit_id: int | None = None
    is_mine: bool = False


def role_held_on(on: date) -> ColumnElement[bool]:
    """Roles that hold on the date."""
    return (LeadRole.from_on <= on) & or_(LeadRole.to_on.is_(None), LeadRole.to_on >= on)


def named(person_id: int, on: date) -> ColumnElement[bool]:
    """Leads on which the person is named on the date, in whatever role."""
    return exists().where(
        LeadRole.lead_id == Lead.id, LeadRole.person_id == person_id, role_held_on(on)
    )


def in_charge(unit_ids: Collection[int] | Select[int], on: date) -> ColumnElement[bool]:
    """Leads for which one of the units is responsible on the date."""
    return exists().where(
        LeadRole.lead_id == Lead.id,
        LeadRole.role == LeadRoleKind.RESPONSIBLE_UNIT,
        LeadRole.unit_id.in_(unit_ids),
        role_held_on(on),
    )


# The SQL of these two follows from their arguments alone, and to put it together takes longer than
# to run it: a run through many mornings asks for the same again and again.
@lru_cache(maxsize=256)
def _near(person_id: int, role: Role, unit_ids: frozenset[int], on: date) -> ColumnElement[bool]:
    """Leads of the person's own units or scope, or on which the person is named."""
    if role is Role.ADMIN:
        return true()
    units = select(Posting.unit_id).where(Posting.person_id == person_id, held_on(on))
    near = named(person_id, on) | in_charge(units, on)
    return near | in_charge(unit_ids, on) if role in OVERSEEING else near


@lru_cache(maxsize=256)
def _visible(person_id: int, role: Role, unit_ids: frozenset[int], on: date) -> ColumnElement[bool]:
    if role not in WITH_RECORDS:
        return false()
    return or_(
        Lead.secrecy == Secrecy.OPEN,
        and_(Lead.secrecy == Secrecy.INTERNAL, _near(person_id, role, unit_ids, on)),
        and_(Lead.secrecy == Secrecy.RESTRICTED, named(person_id, on)),
    )


def visible(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Leads that the viewer may see on the date, whatever the query stands on (REGIME 2)."""
    return _visible(viewer.person_id, viewer.role, viewer.unit_ids, on)


def changeable(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Visible leads that the viewer may change: of their units or scope, or entered by them."""
    near = _near(viewer.person_id, viewer.role, viewer.unit_ids, on)
    return visible(viewer, on) & or_(near, Lead.entered_by_id == viewer.person_id)


def visible_to(viewer: Viewer, on: date) -> Select[Lead]:
    """The leads that the viewer may see on the date."""
    return select(Lead).where(visible(viewer, on))


def may_see(db: Session, viewer: Viewer, lead_id: int, on: date) -> bool:
    """Whether the viewer may see the lead."""
    return db.scalar(select(Lead.id).where(Lead.id == lead_id, visible(viewer, on))) is not None


def may_change(db: Session, viewer: Viewer, lead_id: int, on: date) -> bool:
    """Whether the viewer may change the lead."""
    return db.scalar(select(Lead.id).where(Lead.id == lead_id, changeable(viewer, on))) is not None


def lead_labels(
    db: Session, viewer: Viewer, lead_ids: Collection[int], on: date
) -> dict[int, LeadLabel]:
    """How each lead is called before the viewer: a lead not theirs to see by its code name only."""
    if not lead_ids:
        return {}

    rows = db.execute(
        select(
            Lead.id,
            Lead.title,
            Lead.code_name,
            Lead.secrecy,
            Company.name.label("company"),
            visible(viewer, on).label("is_seen"),
        )
        .join(Lead.company)
        .where(Lead.id.in_(lead_ids))
    )

    return {
        row.id: LeadLabel(row.id, row.title, row.company, row.secrecy)
        if row.is_seen
        else LeadLabel(None, row.code_name or HIDDEN, None, row.secrecy)
        for row in rows
    }


def bare_companies(viewer: Viewer, on: date) -> Select[int]:
    """The companies of which the viewer reads no more than the name: one of their leads is hidden.

    Contacts, group and credit code may have come with the hidden lead (REGIME 2).
    """
    return select(Lead.company_id).where(~visible(viewer, on)).correlate(None)


def matching(text: str, viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Leads found by the text in title, company, reference or code name; join the company first."""
    called = folded(text)
    found = [column.contains(called, autoescape=True) for column in (Lead.search, Company.search)]
    typed = spellings(text)
    found += [
        column.icontains(each, autoescape=True)
        for column in (Lead.ref, Lead.code_name)
        for each in typed
    ]
    group = or_(*(Company.group_name.icontains(each, autoescape=True) for each in typed))
    found.append(group & Company.id.not_in(bare_companies(viewer, on)))
    found += [Lead.group_name.icontains(each, autoescape=True) for each in typed]

    return or_(*found)


def filtered(viewer: Viewer, on: date, by: LeadFilter) -> Select[Lead]:
    """The leads to which the filter narrows, of those that the viewer may see and no others."""
    query = visible_to(viewer, on).join(Lead.company)
    if by.text.strip():
        query = query.where(matching(by.text, viewer, on))

    for column, value in (
        (Lead.stage, by.stage),
        (Lead.industry, by.industry),
        (Lead.park_id, by.park_id),
        (Lead.secrecy, by.secrecy),
    ):
        if value:
            query = query.where(column == value)

    if by.unit_id:
        query = query.where(in_charge([by.unit_id], on))

    return query.where(named(viewer.person_id, on)) if by.is_mine else query


def leads_page(
    db: Session, viewer: Viewer, on: date, *, by: LeadFilter, cursor: str | None = None
) -> Page[Lead]:
    """A page of leads, the latest entered first, with company, park and roles loaded."""
    query = filtered(viewer, on, by).options(
        joinedload(Lead.company),
        joinedload(Lead.park),
        selectinload(Lead.roles).options(joinedload(LeadRole.person), joinedload(LeadRole.unit)),
    )
    return page_of(db, query, on=Lead.entered_on, row_id=Lead.id, cursor=cursor)


def lead_of(db: Session, viewer: Viewer, ref: str, on: date) -> Lead | None:
    """The visible lead of that reference, with all that its page shows of itself; none: 404."""
    return _for_page(db, visible_to(viewer, on).where(Lead.ref == ref))


def lead_by_id(db: Session, viewer: Viewer, lead_id: int, on: date) -> Lead | None:
    """The visible lead of that id, with all that its page shows of itself; none: 404."""
    return _for_page(db, visible_to(viewer, on).where(Lead.id == lead_id))


def _for_page(db: Session, query: Select[Lead]) -> Lead | None:
    held = selectinload(Lead.roles).options(joinedload(LeadRole.person), joinedload(LeadRole.unit))
    query = query.options(
        joinedload(Lead.company), joinedload(Lead.park), selectinload(Lead.milestones), held
    )
    return db.scalar(query.execution_options(populate_existing=True))


def lead_id_entered(db: Session, *, ref: str | None, by_id: int) -> int | None:
    """The id of the lead that the person entered under that reference."""
    return db.scalar(select(Lead.id).where(Lead.ref == ref, Lead.entered_by_id == by_id))


def contacts_of(db: Session, viewer: Viewer | None, lead: Lead, on: date) -> Sequence[Contact]:
    """The contacts of a visible lead's company, the lead's own first.

    Those that came with hidden leads are left out, and those of no lead where there is a hidden
    one; without a viewer there are all.
    """
    query = select(Contact).where(Contact.company_id == lead.company_id)
    if viewer:
        seen = select(Lead.id).where(Lead.company_id == lead.company_id, visible(viewer, on))
        of_company = Contact.lead_id.is_(None) & Contact.company_id.not_in(
            bare_companies(viewer, on)
        )
        query = query.where(or_(Contact.lead_id.in_(seen), of_company))
    contacts = db.scalars(query.order_by(Contact.id))
    return sorted(contacts, key=lambda each: each.lead_id != lead.id)


def is_bare(db: Session, viewer: Viewer, company_id: int, on: date) -> bool:
    """Whether the viewer reads no more of the company than its name."""
    hidden = bare_companies(viewer, on).where(Lead.company_id == company_id).limit(1)
    return db.scalar(hidden) is not None


def named_lately(db: Session, person_id: int, on: date, *, days: int = 7) -> Sequence[Lead]:
    """Restricted leads of others on which the person was named so many days ago at most."""
    lately = LeadRole.from_on.between(on - days * DAY, on)
    held = exists().where(
        LeadRole.lead_id == Lead.id, LeadRole.person_id == person_id, role_held_on(on), lately
    )
    query = select(Lead).where(Lead.secrecy == Secrecy.RESTRICTED, held)
    # who entered it knows
    by_another = or_(Lead.entered_by_id.is_(None), Lead.entered_by_id != person_id)
    return db.scalars(query.where(by_another).order_by(Lead.id)).all()


def lead_choices(db: Session, viewer: Viewer, on: date) -> list[LeadChoice]:
    """The leads that a form offers: visible, not lost, the latest first."""
    rows = db.execute(
        select(Lead.id, Lead.title, Lead.search, Company.name, Company.search.label("by_company"))
        .join(Lead.company)
        .where(visible(viewer, on), Lead.stage != Stage.LOST)
        .order_by(Lead.entered_on.desc(), Lead.id.desc())
        .limit(MOST_CHOICES)
    )
    return [
        LeadChoice(row.id, row.title, row.name, f"{row.search} {row.by_company}") for row in rows
    ]


def leads_of_company(
    db: Session, viewer: Viewer, on: date, *, name: str, credit_code: str | None
) -> list[LeadLabel]:
    """The visible leads of the company of that name or credit code: a likely duplicate."""
    same = Company.folded == folded(name)

    if credit_code:
        code = credit_code.strip().upper()
        known = (Company.credit_code == code) & Company.id.not_in(bare_companies(viewer, on))
        same |= or_(known, Lead.credit_code == code)

    rows = db.execute(
        select(Lead.id, Lead.title, Company.name, Lead.secrecy)
        .join(Lead.company)
        .where(visible(viewer, on), same)
        .order_by(Lead.id)
    )

    return [LeadLabel(*row) for row in rows]
