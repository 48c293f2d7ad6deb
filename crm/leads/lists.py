"""Leads as a list shows them: plain rows, which cost a quarter of what loaded records do."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Row, Select, bindparam, func, select
from sqlalchemy.orm import Session

from crm.base.db import batches
from crm.base.money import Currency
from crm.base.paging import PAGE, Page, Place, place_at
from crm.base.searched import Searched
from crm.base.sheets import MOST_ROWS
from crm.base.sorted_paging import Order, SortedPlace, sorted_place_at
from crm.base.value_class import value_class
from crm.leads.models import Company, Lead, LeadRole
from crm.leads.permissions import ON, anybody, role_held_on, values_of, visible_to_role
from crm.leads.queries import LeadFilter, filtered, found_by
from crm.leads.reached import companies_reached
from crm.leads.rules import EXPECTED_ROLES, LeadRoleKind, Secrecy, Stage
from crm.leads.search_index import likely_matches
from crm.leads.tier_lines import tier_lines
from crm.leads.tiers import Tier
from crm.people.models import Person, Unit
from crm.people.permissions import Viewer
from crm.people.rules import Role


@value_class
class ListedLead:
    """A lead in a list."""

    # names by role, of the roles alone that a major project needs
    holders: Mapping[LeadRoleKind, str]
    size: Tier
    id: int
    entered_on: date
    title: str
    company: str
    secrecy: Secrecy
    stage: Stage
    amount: Decimal | None
    currency: Currency | None
    industry: str | None
    last_contact_on: date | None


_LEAD_IDS: BindParameter[list[int]] = bindparam("lead_ids", expanding=True)
# put together once: that takes longer than to run it
_HOLDERS = (
    select(LeadRole.lead_id, LeadRole.role, func.coalesce(Person.name, Unit.name))
    .outerjoin(LeadRole.person)
    .outerjoin(LeadRole.unit)
    .where(
        LeadRole.lead_id.in_(_LEAD_IDS),
        LeadRole.role.in_(EXPECTED_ROLES),
        role_held_on(bindparam("on")),
    )
    .order_by(LeadRole.from_on, LeadRole.id)
)


_COLUMNS = (
    Lead.id,
    Lead.entered_on,
    Lead.title,
    Company.name,
    Lead.secrecy,
    Lead.stage,
    Lead.amount,
    Lead.currency,
    Lead.industry,
    Lead.last_contact_on,
)
_KEYS = Lead.id, Lead.entered_on
_LISTED = select(*_COLUMNS).join(Lead.company).where(Lead.id.in_(_LEAD_IDS))


def leads_page(  # noqa: PLR0913 - a page is asked for by that much
    db: Session,
    viewer: Viewer,
    on: date,
    *,
    by: LeadFilter,
    cursor: str | None = None,
    order: Order | None = None,
    size: int = PAGE,
) -> Page[ListedLead]:
    """A page of leads in that order, else the latest entered first."""
    page = lead_ids_page(db, viewer, on, by=by, cursor=cursor, order=order, size=size)
    return Page(listed_leads(db, page.items, on), page.newer, page.older)


def lead_ids_page(  # noqa: PLR0913 - as leads_page
    db: Session,
    viewer: Viewer,
    on: date,
    *,
    by: LeadFilter,
    cursor: str | None = None,
    order: Order | None = None,
    size: int = PAGE,
) -> Page[int]:
    """The ids of a page of leads, whose rows may be remembered."""
    place = (
        sorted_place_at(cursor, order, row_id=Lead.id, size=size) if order else _place(cursor, size)
    )
    values = values_of(viewer, on)
    is_first = cursor is None and order is None and size == PAGE
    if is_first and by == LeadFilter():
        query = _first_page(viewer.role)
    elif is_first and by == LeadFilter(text=by.text) and by.text.strip():
        query, searched = _first_page_found(db, viewer, on, by.text)
        values |= searched
    else:
        query = place.narrowed(filtered(db, viewer, on, by).with_only_columns(*_KEYS))
    page = place.cut(db.execute(query, values).all())
    return Page([row.id for row in page.items], page.newer, page.older)


def all_leads(
    db: Session, viewer: Viewer, on: date, *, by: LeadFilter, order: Order | None = None
) -> list[ListedLead]:
    """All leads of the list in that order, else the latest entered first, for a file."""
    # further ones would fit into no file
    place = (
        SortedPlace(order, Lead.id, MOST_ROWS)
        if order
        else place_at(None, on=Lead.entered_on, row_id=Lead.id, size=MOST_ROWS)
    )
    query = place.narrowed(filtered(db, viewer, on, by).with_only_columns(*_COLUMNS))
    rows = db.execute(query, values_of(viewer, on)).all()
    return [lead for part in batches(rows) for lead in _listed(db, part, on)]


def _listed(db: Session, listed: Iterable[Row[*tuple[Any, ...]]], on: date) -> list[ListedLead]:
    rows = list(listed)
    holders, lines = _holders(db, [row.id for row in rows], on), tier_lines(db)
    found = []
    for row in rows:
        size = lines.tier_of(row.amount, row.currency, on)
        # a sorted row has its key behind the columns
        found.append(ListedLead(holders[row.id], size, *row[: len(_COLUMNS)]))
    return found


def listed_leads(db: Session, lead_ids: Sequence[int], on: date) -> list[ListedLead]:
    """These leads, which the viewer may see, as a list shows them, in this order."""
    if not lead_ids:
        return []
    rows = db.execute(_LISTED, {"lead_ids": lead_ids}).all()
    leads = {lead.id: lead for lead in _listed(db, rows, on)}
    return [leads[lead_id] for lead_id in lead_ids]


def _place(cursor: str | None, size: int = PAGE) -> Place:
    return place_at(cursor, on=Lead.entered_on, row_id=Lead.id, size=size)


@cache
def _first_page(role: Role) -> Select[*tuple[Any, ...]]:
    """What most visits of the list ask for, put together once."""
    return _place(None).narrowed(select(*_KEYS).where(visible_to_role(role)))


def _first_page_found(
    db: Session, viewer: Viewer, on: date, text: str
) -> tuple[Select[*tuple[Any, ...]], dict[str, object]]:
    """The first page of what a text finds, as most searches ask for it, with its values."""
    words, likely = Searched.of(text), likely_matches(db, text)
    reached = companies_reached(db, text, viewer, on)
    query = _found_page(
        *(viewer.role, len(words.typed)), by_index=likely is not None, by_contact=bool(reached)
    )
    return query, {**words.values(), "likely": likely, "reached": reached}


@cache
def _found_page(
    role: Role, typed: int, *, by_index: bool, by_contact: bool
) -> Select[*tuple[Any, ...]]:
    """The same for a text of so many spellings, put together once."""
    likely: BindParameter[list[int]] = bindparam("likely", expanding=True)
    reached: BindParameter[list[int]] = bindparam("reached", expanding=True)
    found = found_by(
        *(Searched.parameters(typed), anybody(role), ON),
        likely=likely if by_index else None,
        reached=reached if by_contact else None,
    )
    query = select(*_KEYS).join(Lead.company).where(visible_to_role(role), found)
    return _place(None).narrowed(query)


def _holders(
    db: Session, lead_ids: Collection[int], on: date
) -> defaultdict[int, dict[LeadRoleKind, str]]:
    """By lead and role, the names of those who hold it on the date."""
    holders: defaultdict[int, dict[LeadRoleKind, str]] = defaultdict(dict)
    for lead_id, role, name in db.execute(_HOLDERS, {"lead_ids": lead_ids, "on": on}):
        names = holders[lead_id]
        names[role] = f"{names[role]}、{name}" if role in names else name

    return holders
