"""The board of leads by stage: its columns with their sums, its cards (PROJECTS 2)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from crm.base.money import Currency
from crm.base.paging import Page
from crm.base.sorted_paging import Order, SortedPlace
from crm.base.value_class import value_class
from crm.leads.lists import ListedLead, leads_page, listed_leads
from crm.leads.models import Lead, Milestone
from crm.leads.permissions import changeable
from crm.leads.queries import LeadFilter, filtered
from crm.leads.rules import Stage
from crm.people.permissions import Viewer

FIRST = 10  # cards of a column at first: a board of thousands of leads stays a light page
FURTHER = 20


@value_class
class BoardCard:
    """A lead on the board."""

    lead: ListedLead
    since: date  # when it reached its stage
    may_move: bool


@dataclass(slots=True)
class ColumnSums:
    """How many leads stand in a column, and their total investment in each currency."""

    count: int = 0
    without_amount: int = 0
    totals: dict[Currency, Decimal] = field(default_factory=dict)


def stage_since() -> ColumnElement[date]:
    """When a lead reached the stage at which it stands."""
    # parked and taken up again, it reached the stage anew
    reached = select(func.max(Milestone.reached_on)).where(Milestone.lead_id == Lead.id)
    # an expression, or SQLite looks for the latest among all leads of the stage: 100 times slower
    of_stage = reached.where(Milestone.kind.concat("") == Lead.stage)
    return func.coalesce(of_stage.correlate(Lead).scalar_subquery(), Lead.entered_on)


def usual_order() -> Order:
    """What moved last stands first."""
    return Order(stage_since(), is_descending=True)


def column_sums(db: Session, viewer: Viewer, on: date, by: LeadFilter) -> dict[Stage, ColumnSums]:
    """The sums of every stage; currencies are never added together."""
    query = filtered(db, viewer, on, by).with_only_columns(
        Lead.stage, Lead.currency, func.count(), func.sum(Lead.amount)
    )
    sums: defaultdict[Stage, ColumnSums] = defaultdict(ColumnSums)
    for stage, currency, count, total in db.execute(query.group_by(Lead.stage, Lead.currency)):
        sums[stage].count += count
        if currency is None or total is None:
            sums[stage].without_amount += count
        else:
            sums[stage].totals[currency] = total

    return sums


def first_cards(  # noqa: PLR0913, PLR0917 - as leads_page
    db: Session,
    viewer: Viewer,
    on: date,
    by: LeadFilter,
    stages: Collection[Stage],
    order: Order,
) -> dict[Stage, Page[BoardCard]]:
    """The first cards of those columns, in one query for all of them."""
    place = SortedPlace(order, Lead.id, FIRST)
    query = filtered(db, viewer, on, by).where(Lead.stage.in_(stages))
    rows = db.execute(place.first_of_each(query, Lead.stage)).all()
    pages = {stage: place.cut([row for row in rows if row.stage is stage]) for stage in stages}

    shown = [row.id for page in pages.values() for row in page.items]
    cards = _cards(db, viewer, on, listed_leads(db, shown, on))
    return {
        stage: Page([cards[row.id] for row in page.items], page.newer, page.older)
        for stage, page in pages.items()
    }


def further_cards(  # noqa: PLR0913 - as leads_page
    db: Session, viewer: Viewer, on: date, *, by: LeadFilter, cursor: str | None, order: Order
) -> Page[BoardCard]:
    """A page of the one column to which the filter narrows."""
    page = leads_page(db, viewer, on, by=by, cursor=cursor, order=order, size=FURTHER)
    cards = _cards(db, viewer, on, page.items)
    return Page([cards[lead.id] for lead in page.items], page.newer, page.older)


def card_of(db: Session, viewer: Viewer, on: date, lead_id: int) -> BoardCard:
    """The card of a lead that the viewer may see."""
    return _cards(db, viewer, on, listed_leads(db, [lead_id], on))[lead_id]


def _cards(
    db: Session, viewer: Viewer, on: date, leads: Sequence[ListedLead]
) -> Mapping[int, BoardCard]:
    query = select(Lead.id, stage_since(), changeable(viewer, on))
    rows = db.execute(query.where(Lead.id.in_([lead.id for lead in leads])))
    known = {lead_id: (since, may_move) for lead_id, since, may_move in rows}
    return {lead.id: BoardCard(lead, known[lead.id][0], bool(known[lead.id][1])) for lead in leads}
