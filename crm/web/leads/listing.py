"""The list of leads: its filters, its order and its columns (PROJECTS 2)."""

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

from flask import get_template_attribute, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from crm.base.clock import civil
from crm.base.paging import Page
from crm.base.remembered import remembered_long
from crm.base.value_class import value_class
from crm.bulk_changes.queries import undoable
from crm.bulk_changes.rules import UNDO_WITHIN, BulkKind
from crm.extensions import db
from crm.followups.lead_sorting import LeadColumn, LeadSort
from crm.leads.catalog import industries
from crm.leads.lists import lead_ids_page
from crm.leads.queries import LeadFilter
from crm.leads.rules import Secrecy, Stage
from crm.people.queries import unit_tree
from crm.people.rules import UnitKind
from crm.web.auth import my_view, signed_in
from crm.web.downloads import export_links
from crm.web.forms import at_cursor, enum_arg, query_arguments, row_id, text_arg
from crm.web.leads.list_rows import rows_html
from crm.web.leads.own_filters import own_controls_of_list, own_filters
from crm.web.leads.saved_views import view_links
from crm.web.listed_ids import listed_ids
from crm.web.page_templates import part_of_page
from crm.web.transaction import moment, today

WAYS = {"leads.listing": "列表", "leads.board": "看板"}
USUAL_ORDER = {"leads.listing": "最新登记在前", "leads.board": "最近进入阶段在前"}


@value_class
class ListFilters:
    """The filters and the order that the address of the list asks for."""

    who: str  # mine, or all that the viewer may see
    by: LeadFilter
    sort: LeadSort | None  # none: the latest entered first

    @property
    def is_narrow(self) -> bool:
        """Whether any filter but `who` is set."""
        by = self.by
        return any((by.text, by.stage, by.industry, by.park_id, by.secrecy, by.own))


@value_class
class Head:
    """The head of a column, which sorts the list."""

    label: str
    url: str
    aria_sort: str | None
    is_number: bool


@value_class
class Around:
    """What is above and below the rows, as HTML."""

    heads: Markup
    pager: Markup
    exports: Markup


@value_class
class Picking:
    """How leads are selected for a change of many."""

    is_on: bool  # on the phone the boxes are shown only then
    url: str  # of the other state
    leave: str
    action: str
    kinds: Sequence[BulkKind]


@value_class
class Undoable:
    """A change of many that may still be taken back."""

    id: int
    text: str


def listing() -> ResponseReturnValue:
    """The leads that I may see, the latest first unless asked otherwise."""
    filters = list_filters()
    page, picking = _page(filters, today()), _picking()

    return render_template(
        "leads/list.html",
        filters=filters,
        controls=_controls(filters, picking, has_rows=bool(page.items)),
        around=_around(filters, page) if page.items else None,
        rows=rows_html(page.items, today()),
        has_others=bool(page.newer or page.older),
        picking=picking,
        undoable=_undoable(),
        sort=filters.sort.code if filters.sort else "",
        **_links(filters, "leads.listing"),
    )


def _page(filters: ListFilters, on: date) -> Page[int]:
    cursor = request.args.get("at")
    return listed_ids(
        *("leads of a page", filters, cursor),
        read=lambda: lead_ids_page(
            *(db.session, my_view(), on),
            by=filters.by,
            cursor=cursor,
            order=filters.sort.order(on) if filters.sort else None,
        ),
    )


def _around(filters: ListFilters, page: Page[int]) -> Around:
    """What follows from the address and the page alone, and is the same before everybody."""
    count, macro = len(page.items), partial(get_template_attribute, "_ui.html")
    return remembered_long(
        *(db.session, "around leads", request.query_string, page.newer, page.older, count),
        read=lambda: Around(
            part_of_page(
                "leads/_heads.html", heads=[_head(column, filters.sort) for column in LeadColumn]
            ),
            macro("pager")(at_cursor(page.newer), at_cursor(page.older), shown=count),
            macro("exports")(export_links("leads.export")),
        ),
    )


def _controls(filters: ListFilters, picking: Picking, *, has_rows: bool) -> Markup:
    """The controls above the list; what everyday work changes is in none of them."""
    asked = request.query_string
    return remembered_long(
        *(db.session, "controls of leads", signed_in().id, today(), asked, has_rows),
        read=lambda: part_of_page(
            "leads/_filters.html",
            filters=filters,
            picking=picking,
            rows=has_rows,
            **_offered(filters, "leads.listing"),
        ),
    )


def list_filters() -> ListFilters:
    """What the address asks for."""
    who = "mine" if request.args.get("who") == "mine" else "all"

    return ListFilters(
        who,
        LeadFilter(
            text=text_arg("q"),
            stage=enum_arg("stage", Stage),
            industry=text_arg("industry") or None,
            park_id=request.args.get("park", type=row_id),
            secrecy=enum_arg("secrecy", Secrecy),
            is_mine=who == "mine",
            own=own_filters(),
        ),
        LeadSort.read(text_arg("sort")),
    )


def _picking() -> Picking:
    given: dict[str, Any] = {**query_arguments(), "select": None}
    without_place: dict[str, Any] = {**given, "at": None}
    is_on, leave = "select" in request.args, url_for("leads.listing", **given)
    begin = url_for("leads.listing", **{**given, "select": 1})
    action = url_for("bulk_changes.choose", **without_place)
    return Picking(is_on, leave if is_on else begin, leave, action, list(BulkKind))


def _undoable() -> Undoable | None:
    bulk = undoable(db.session, signed_in().id, moment())
    if bulk is None:
        return None
    until = f"{civil(bulk.made_at + UNDO_WITHIN):%H:%M}"
    done = f"已修改 {bulk.count} 条线索的{bulk.kind.label}"
    if bulk.kind is BulkKind.STAGE:  # by a framework agreement the stage stays
        done = f"已登记 {bulk.count} 条线索的进展"
    if bulk.kind is BulkKind.FOLLOWUP:
        done = f"已在 {bulk.count} 条线索添加跟进"
    return Undoable(bulk.id, f"{done}，{until}前可以撤销。")


def _head(column: LeadColumn, sort: LeadSort | None) -> Head:
    first = LeadSort.first_of(column)
    # a click sorts, the next turns the order round, a third restores the usual one
    following: LeadSort | None = first
    if sort in (first, first.reversed):
        following = first.reversed if sort == first else None
    values: dict[str, Any] = {
        **query_arguments(),
        "sort": following.code if following else None,
        "at": None,
    }

    is_sorted = sort is not None and sort.column is column
    direction = "descending" if sort and sort.is_descending else "ascending"
    return Head(
        column.label,
        url_for("leads.listing", **values),
        direction if is_sorted else None,
        column is LeadColumn.AMOUNT,
    )


def list_choices(filters: ListFilters, page: str) -> dict[str, object]:
    """What the controls above the board offer, and where else it leads; `page`: its endpoint."""
    return _offered(filters, page) | _links(filters, page)


def _offered(filters: ListFilters, page: str) -> dict[str, object]:
    parks = [node.unit for node in unit_tree(db.session) if node.unit.kind is UnitKind.PARK]
    exported: dict[str, Any] = {**query_arguments(), "at": None}
    firsts = [LeadSort.first_of(column) for column in LeadColumn]

    return {
        "stages": [("", "全部阶段"), *((stage.value, stage.label) for stage in Stage)],
        "industries": [("", "全部产业"), *industries(db.session).items()],
        "parks": [("", "全部园区"), *((park.id, park.name) for park in parks)],
        "levels": [("", "知悉范围不限"), *((level.value, level.label) for level in Secrecy)],
        "sorts": [
            ("", USUAL_ORDER[page]),
            *((each.code, each.label) for first in firsts for each in (first, first.reversed)),
        ],
        "sort": filters.sort.code if filters.sort else "",
        "own": own_controls_of_list(),
        "views": view_links(page),
        "views_page": url_for("leads.views", **exported),
    }


def _links(filters: ListFilters, page: str) -> dict[str, object]:
    tabs = {"all": "全部线索", "mine": "我的线索"}
    sort = filters.sort.code if filters.sort else None
    exported: dict[str, Any] = {**query_arguments(), "at": None}

    return {
        "tabs": [
            {
                "url": url_for(page, who=who, sort=sort),
                "label": label,
                "active": who == filters.who,
            }
            for who, label in tabs.items()
        ],
        "ways": [
            {"url": url_for(way, **exported), "label": label, "active": way == page}
            for way, label in WAYS.items()
        ],
    }
