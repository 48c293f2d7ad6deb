"""What pages and digests read of leads, always from those that the viewer may see (REGIME 6)."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple, TypeAlias

from sqlalchemy import BindParameter, ColumnElement, Select, or_, select, true
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.sql.base import ExecutableOption

from crm.base.choices import MOST_FOUND, Choice
from crm.base.periods import DAY
from crm.base.searched import Searched, contains, icontains
from crm.base.value_class import value_class
from crm.leads.merged import Merge, merged_as
from crm.leads.models import Company, CompanyAlias, Lead, LeadRole
from crm.leads.own_values import OwnFilter
from crm.leads.permissions import changeable, in_charge, named, role_held_on, visible, visible_to
from crm.leads.reached import companies_reached
from crm.leads.redaction import companies_with_hidden_leads
from crm.leads.rules import Secrecy, Stage
from crm.leads.search_index import likely_matches
from crm.people.permissions import Viewer

Ids: TypeAlias = Collection[int] | BindParameter[list[int]]


@value_class
class LeadFilter:
    """What a list of leads is narrowed to; what is left out narrows nothing."""

    text: str = ""
    stage: Stage | None = None
    industry: str | None = None
    park_id: int | None = None
    secrecy: Secrecy | None = None
    unit_id: int | None = None
    is_mine: bool = False
    own: tuple[OwnFilter, ...] = ()  # by the zone's own fields


class LeadForPage(NamedTuple):
    """A lead with what its page asks of it besides."""

    lead: Lead
    may_change: bool


def matching(
    db: Session, text: str, viewer: Viewer, on: date, *, reached: Collection[int] = ()
) -> ColumnElement[bool]:
    """Leads found by the text in title, company, reference or code name, and of reached companies.

    Join the company first.
    """
    likely = likely_matches(db, text)
    return found_by(Searched.of(text), viewer, on, likely=likely, reached=reached or None)


def found_by(
    words: Searched, viewer: Viewer, on: date, *, likely: Ids | None, reached: Ids | None
) -> ColumnElement[bool]:
    """The same where it is known who is likely to match; both may be parameters."""
    is_found = containing(words, viewer, on)
    # PROJECTS 6: old references are in no index, and few
    narrowed = true() if likely is None else Lead.id.in_(likely) | _merged(words)
    if reached is not None:
        is_found |= Lead.company_id.in_(reached)
        narrowed |= Lead.company_id.in_(reached)

    return narrowed & is_found


def containing(words: Searched, viewer: Viewer, on: date) -> ColumnElement[bool]:
    """What decides whether a lead is found, without the index that makes the search fast."""
    found = [contains(column, words.called) for column in (Lead.search, Company.search)]
    found += [
        icontains(column, typed) for column in (Lead.ref, Lead.code_name) for typed in words.typed
    ]
    found.append(_merged(words))
    # REGIME 2: group and aliases may have come with a hidden lead
    group = or_(*(icontains(Company.group_name, typed) for typed in words.typed))
    aliases = select(CompanyAlias.company_id).where(contains(CompanyAlias.search, words.called))
    told = group | Company.id.in_(aliases)
    found.append(told & Company.id.not_in(companies_with_hidden_leads(viewer, on)))
    found += [icontains(Lead.group_name, typed) for typed in words.typed]

    return or_(*found)


def _merged(words: Searched) -> ColumnElement[bool]:
    """Leads into which one of such a reference was merged."""
    return Lead.id.in_(
        merged_as(or_(*(icontains(Merge.merged_ref, typed) for typed in words.typed)))
    )


def filtered(db: Session, viewer: Viewer, on: date, by: LeadFilter) -> Select[Lead]:
    """The leads to which the filter narrows, of those that the viewer may see and no others."""
    query = visible_to(viewer, on).join(Lead.company)
    if by.text.strip():
        reached = companies_reached(db, by.text, viewer, on)
        query = query.where(matching(db, by.text, viewer, on, reached=reached))

    for column, value in (
        (Lead.stage, by.stage),
        (Lead.industry, by.industry),
        (Lead.park_id, by.park_id),
        (Lead.secrecy, by.secrecy),
    ):
        if value:
            query = query.where(column == value)

    for own in by.own:
        query = query.where(own.matches())

    if by.unit_id:
        query = query.where(in_charge([by.unit_id], on))

    return query.where(named(viewer.person_id, on)) if by.is_mine else query


def lead_by_id(db: Session, viewer: Viewer, lead_id: int, on: date) -> Lead | None:
    """The visible lead of that id, with all that its page shows of itself; none: 404."""
    return _for_page(db, visible_to(viewer, on).where(Lead.id == lead_id))


def changeable_lead(db: Session, viewer: Viewer, lead_id: int, on: date) -> Lead | None:
    """The same of a lead that the viewer may change; none: 404."""
    return _for_page(db, select(Lead).where(Lead.id == lead_id, changeable(viewer, on)))


def lead_with_right(db: Session, viewer: Viewer, lead_id: int, on: date) -> LeadForPage | None:
    """The lead of `lead_by_id`, and what decides how its page looks."""
    # read anew, as there
    query = select(Lead, changeable(viewer, on).label("may_change")).options(*_of_page())
    query = query.where(visible(viewer, on), Lead.id == lead_id)
    row = db.execute(query.execution_options(populate_existing=True)).one_or_none()
    return LeadForPage(row[0], bool(row.may_change)) if row else None


def _for_page(db: Session, query: Select[Lead]) -> Lead | None:
    # read anew, whatever this session knows of the lead already
    query = query.options(*_of_page()).execution_options(populate_existing=True)
    return db.scalar(query)


def _of_page() -> tuple[ExecutableOption, ...]:
    held = selectinload(Lead.roles).options(joinedload(LeadRole.person), joinedload(LeadRole.unit))
    return (
        joinedload(Lead.company),
        joinedload(Lead.park),
        selectinload(Lead.milestones),
        held,
    )


def lead_id_entered(db: Session, *, ref: str | None, by_id: int) -> int | None:
    """The id of the lead that the person entered under that reference."""
    return db.scalar(select(Lead.id).where(Lead.ref == ref, Lead.entered_by_id == by_id))


def named_lately(db: Session, person_id: int, on: date, *, days: int = 7) -> Sequence[Lead]:
    """Restricted leads of others on which the person was named so many days ago at most."""
    lately = LeadRole.from_on.between(on - days * DAY, on)
    # found by the index of a person's roles, not by a look at every restricted lead
    held = select(LeadRole.lead_id).where(LeadRole.person_id == person_id, role_held_on(on), lately)
    query = select(Lead).where(Lead.secrecy == Secrecy.RESTRICTED, Lead.id.in_(held))
    # who entered it knows of it
    by_another = or_(Lead.entered_by_id.is_(None), Lead.entered_by_id != person_id)
    return db.scalars(query.where(by_another).order_by(Lead.id)).all()


def offerable(db: Session, viewer: Viewer, on: date, text: str = "") -> Select[int, str, str, str]:
    """The leads that a form may offer, as columns of `Choice`: visible, not lost, so called."""
    query = filtered(db, viewer, on, LeadFilter(text=text)).where(Lead.stage != Stage.LOST)
    called = (Lead.search + " " + Company.search).label("search")
    return query.with_only_columns(Lead.id, Lead.title, Company.name, called)


def found_leads(db: Session, viewer: Viewer, on: date, text: str) -> list[Choice]:
    """Leads found by the text, the latest first; one more than a list shows, if any."""
    query = offerable(db, viewer, on, text).order_by(Lead.entered_on.desc(), Lead.id.desc())
    return [Choice(*row) for row in db.execute(query.limit(MOST_FOUND + 1))]


def ids_by_ref(db: Session, viewer: Viewer, refs: Collection[str], on: date) -> dict[str, int]:
    """By reference, those of these leads that the viewer may see."""
    query = select(Lead.ref, Lead.id).where(Lead.ref.in_(refs), visible(viewer, on))
    return dict(db.execute(query).all()) if refs else {}


def refs_by_id(db: Session, lead_ids: Collection[int]) -> dict[int, str]:
    """The references of these leads; the caller has seen to it that they may be shown."""
    query = select(Lead.id, Lead.ref).where(Lead.id.in_(lead_ids))
    return dict(db.execute(query).all()) if lead_ids else {}
