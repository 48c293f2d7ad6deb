"""The board of leads by stage, with the filters of the list (PROJECTS 2)."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.money import Currency, format_amount
from crm.base.paging import Page
from crm.base.sorted_paging import Order
from crm.base.value_class import value_class
from crm.extensions import db
from crm.followups.queries import NextStep, next_steps
from crm.leads.board import (
    BoardCard,
    ColumnSums,
    card_of,
    column_sums,
    first_cards,
    further_cards,
    usual_order,
)
from crm.leads.rules import LINE, LeadRoleKind, Secrecy, Stage, moves
from crm.web.auth import my_view
from crm.web.forms import query_arguments
from crm.web.leads.listing import ListFilters, list_choices, list_filters
from crm.web.leads.rows import amount_of, due_chip
from crm.web.leads.saved_views import canonical
from crm.web.transaction import today
from crm.web.visits.rows import Chip

STOPS = "stops"  # asks for the columns of what was parked or lost


@value_class
class Card:
    """A lead in its column."""

    id: int
    title: str
    company: str
    secrecy: Secrecy
    facts: str  # amount, tracker, days in the stage
    next_step: str
    due: Chip | None  # of the next step
    may_move: bool


@value_class
class Further:
    """Where a column goes on: as a page of its own, and as the cards alone."""

    page_url: str
    cards_url: str


@value_class
class Head:
    """What stands above a column."""

    stage: Stage
    count: int
    totals: list[str]  # one of each currency
    without_amount: int
    targets: str  # codes of the stages to which its cards may go


@value_class
class Column:
    """A stage with its first cards."""

    head: Head
    cards: list[Card]
    further: Further | None
    earlier_url: str | None  # of a page of its own


def board() -> ResponseReturnValue:
    """The columns that the address asks for."""
    filters = list_filters()
    shows_stops = STOPS in request.args
    turned: dict[str, Any] = {
        **query_arguments(),
        STOPS: None if shows_stops else "1",
        "at": None,
    }

    return render_template(
        "leads/board.html",
        filters=filters,
        columns=_columns(filters),
        query=board_query(),
        shows_stops=shows_stops,
        stops_url=url_for("leads.board", **turned),
        **list_choices(filters, "leads.board"),
    )


def cards() -> ResponseReturnValue:
    """Further cards of one column, for its end."""
    filters = list_filters()
    if filters.by.stage is None:
        abort(404)
    page = _further(filters)
    return render_template(
        "leads/_cards.html",
        cards=rows_of(page.items, today()),
        further=_go_on(filters.by.stage, page.older),
        query=board_query(),
    )


def board_query() -> str:
    """The filters of the board, as they follow an address: `?who=mine&stops=1`, or nothing."""
    asked = canonical(request.query_string.decode("ascii", "replace"))
    parts = [asked] if asked else []
    if STOPS in request.args:
        parts.append(f"{STOPS}=1")
    return f"?{'&'.join(parts)}" if parts else ""


def shown_stages(filters: ListFilters) -> tuple[Stage, ...]:
    """The columns of the board; parked and lost ones only where they are asked for."""
    if filters.by.stage:
        return (filters.by.stage,)
    return tuple(Stage) if STOPS in request.args else LINE


def heads(filters: ListFilters, stages: Iterable[Stage]) -> list[Head]:
    """What stands above those columns."""
    sums = column_sums(db.session, my_view(), today(), filters.by)
    return [_head(stage, sums.get(stage, ColumnSums())) for stage in stages]


def card(lead_id: int) -> Card:
    """The card of a lead that I may see."""
    return rows_of([card_of(db.session, my_view(), today(), lead_id)], today())[0]


def rows_of(items: Iterable[BoardCard], on: date) -> list[Card]:
    """The cards with their next steps."""
    found = list(items)
    steps = next_steps(db.session, [item.lead.id for item in found])
    return [_card(item, steps.get(item.lead.id), on) for item in found]


def _columns(filters: ListFilters) -> list[Column]:
    stages = shown_stages(filters)
    if filters.by.stage:
        pages = {filters.by.stage: _further(filters)}
    else:
        order = _order(filters, today())
        pages = first_cards(db.session, my_view(), today(), filters.by, stages, order)

    # the next steps of all columns at once
    by_id = {
        row.id: row for row in rows_of((item for p in pages.values() for item in p.items), today())
    }
    return [
        Column(
            head,
            [by_id[item.lead.id] for item in pages[head.stage].items],
            _go_on(head.stage, pages[head.stage].older),
            _page_url(head.stage, pages[head.stage].newer),
        )
        for head in heads(filters, stages)
    ]


def _further(filters: ListFilters) -> Page[BoardCard]:
    return further_cards(
        db.session,
        my_view(),
        today(),
        by=filters.by,
        cursor=request.args.get("at"),
        order=_order(filters, today()),
    )


def _order(filters: ListFilters, on: date) -> Order:
    return filters.sort.order(on) if filters.sort else usual_order()


def _page_url(stage: Stage, cursor: str | None, endpoint: str = "leads.board") -> str | None:
    if cursor is None:
        return None
    values: dict[str, Any] = {**query_arguments(), "stage": stage.value, "at": cursor}
    return url_for(endpoint, **values)


def _go_on(stage: Stage, cursor: str | None) -> Further | None:
    page, cards_alone = (
        _page_url(stage, cursor, endpoint) for endpoint in ("leads.board", "leads.cards")
    )
    return Further(page, cards_alone) if page and cards_alone else None


def _head(stage: Stage, sums: ColumnSums) -> Head:
    # in the order of the currencies, the zone's own first
    totals = [(sums.totals[unit], unit) for unit in Currency if unit in sums.totals]
    return Head(
        stage,
        sums.count,
        [format_amount(total, unit) for total, unit in totals],
        sums.without_amount,
        " ".join(moves(stage)),
    )


def _card(item: BoardCard, step: NextStep | None, on: date) -> Card:
    lead, days = item.lead, (on - item.since).days
    facts = (
        amount_of(lead),
        lead.holders.get(LeadRoleKind.TRACKER, ""),
        f"停留 {days} 天" if days else "今天进入",
    )
    return Card(
        lead.id,
        lead.title,
        lead.company,
        lead.secrecy,
        " · ".join(filter(None, facts)),
        step.what if step else "",
        due_chip(step.due_on, on) if step else None,
        item.may_move,
    )
