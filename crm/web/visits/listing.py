"""The list of visits: filters, sums by city, and a page of rows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from crm.base.paging import Page
from crm.base.remembered import remembered_long, remembered_until
from crm.base.sheets import Column, Format
from crm.base.value_class import value_class
from crm.extensions import db
from crm.files.queries import counts_of
from crm.quotas.pending_visits import ids_awaiting_verdict
from crm.visits.city_sums import CitySums, city_sums, is_countable, sums_of
from crm.visits.filters import VisitFilter
from crm.visits.lists import all_visits, entered_late, listed_on_page, visit_ids_page
from crm.visits.models import VisitFile
from crm.visits.reach import Reach, reach_of_list
from crm.visits.redaction import SeenVisit
from crm.visits.rules import Kind, Status
from crm.web.auth import my_view, signed_in
from crm.web.downloads import FILE_COUNT, Export, export_links, exported
from crm.web.form_tokens import form_token
from crm.web.forms import at_cursor
from crm.web.listed_ids import listed_ids, of_list
from crm.web.page_templates import part_of_page
from crm.web.transaction import moment, today
from crm.web.visits.list_filters import (
    CHOICES_OF_WHO,
    NO_CITY,
    Addresses,
    Choice,
    ListFilters,
    Only,
    list_filters,
    narrowed_by,
    removable,
    span_label,
    spans,
    toggles,
)
from crm.web.visits.rows import unchanged_until, visit_tabs
from crm.web.visits.table import (
    COLUMNS,
    chosen_columns,
    sheet_columns,
    sheet_row,
    table_row,
)

MOST_CITIES = 6
KINDS = [("", "全部类型"), *((kind.value, kind.label) for kind in Kind)]
STATUSES = [("", "全部状态"), *((status.value, status.label) for status in Status)]
WORDS = ("met", "next_step")


@value_class
class Sums:
    """The sums by city as chips; the cities beyond the first few are folded."""

    span: str
    total: int
    cancelled: int
    reach: Reach
    cities: list[Choice]
    others: list[Choice]
    other_visits: int


def listing() -> ResponseReturnValue:
    """The visits of my units, mine, or all that I may see."""
    me = signed_in()
    filters, addresses = list_filters(me.role, today()), Addresses()
    by, columns = _query(filters), chosen_columns(me.id)
    page = _page(by)

    return render_template(
        "visits/list.html",
        filters=filters,
        narrowed=[text for _, text in narrowed_by(filters)],
        controls=_controls(filters, columns, addresses),
        table=_table(page.items, columns, me.id, moment()),
        count=len(page.items),
        newer=at_cursor(page.newer),
        older=at_cursor(page.older),
        exports=export_links(".export", but="columns"),  # this browser keeps them
        tabs=visit_tabs(filters.who, CHOICES_OF_WHO[me.role]),
        everything=addresses.at({"period": "all", "from": None, "to": None}),
        unfiltered=f"{addresses.page}?who={filters.who}",
        **_sums_of(filters, by, page, addresses),
    )


def _page(by: VisitFilter) -> Page[SeenVisit]:
    viewer, on, cursor = my_view(), today(), request.args.get("at")

    def read() -> Page[int]:
        return visit_ids_page(db.session, viewer, on, by=by, cursor=cursor)

    # what ends by this moment is asked for by no other request
    page = read() if by.planned_until else listed_ids("visits of a list", by, cursor, read=read)
    visits = listed_on_page(db.session, viewer, page.items, on, words=WORDS)
    return Page(visits, page.newer, page.older)


def _controls(filters: ListFilters, columns: Sequence[str], addresses: Addresses) -> Markup:
    """The controls above the list; nothing of any visit is in them."""
    return remembered_long(
        *(db.session, "controls of visits", signed_in().role, today()),
        *(request.query_string, columns),
        read=lambda: part_of_page(
            "visits/_filters.html",
            filters=filters,
            columns=columns,
            all_columns=COLUMNS,
            kinds=KINDS,
            statuses=STATUSES,
            spans=spans(filters, addresses),
            toggles=toggles(filters, addresses),
            removable=list(removable(filters, addresses)),
        ),
    )


def _table(visits: Sequence[SeenVisit], columns: Sequence[str], me: int, now: datetime) -> Markup:
    """The visits as HTML, remembered until something changes or the time comes that it names."""
    if not visits:
        return Markup()

    def read() -> Markup:
        waiting = ids_awaiting_verdict(db.session, visits, now)
        rows = [table_row(visit, now, me=me, waiting_ids=waiting) for visit in visits]
        page = url_for("visits.listing")
        return part_of_page("visits/_table.html", rows=rows, columns=columns, list_url=page)

    return remembered_until(
        *(db.session, "table of visits", me, form_token(), request.full_path, columns),
        tuple(visit.id for visit in visits),
        at=now,
        read=read,
        until=lambda: unchanged_until(visits, now),
    )


def sums() -> ResponseReturnValue:
    """The sums by city alone, which a list of several pages asks for once it is shown."""
    filters = list_filters(signed_in().role, today())
    by = _query(filters)
    if not is_countable(by, today()):
        abort(404)
    found = city_sums(db.session, my_view(), today(), by=by)
    shown = _sums(filters, by, found, Addresses())
    return render_template("visits/_sums.html", sums=shown, sums_url=None)


def export(suffix: str) -> ResponseReturnValue:
    """All rows of the list that the address asks for, in the columns that it shows (PROJECTS 2)."""
    me, now = signed_in(), moment()
    by = _query(list_filters(me.role, today()))
    visits = all_visits(db.session, my_view(), today(), by=by, words=WORDS)
    waiting = ids_awaiting_verdict(db.session, visits, now)
    # REGIME 2: files hide with the words of the visit
    readable = [visit.id for visit in visits if visit.is_readable]
    files = counts_of(db.session, VisitFile, readable)
    rows = [table_row(visit, now, me=me.id, waiting_ids=waiting) for visit in visits]

    columns = [*sheet_columns(chosen_columns(me.id)), Column("files", FILE_COUNT)]
    file = Export("拜访", f"visits-{today():%Y%m%d}", columns, Format(suffix))
    return exported(file, (sheet_row(row) | {"files": files.get(row.id)} for row in rows))


def _query(filters: ListFilters) -> VisitFilter:
    by = filters.query(my_view(), moment())
    if filters.only is not Only.WAITING:
        return by

    late = entered_late(db.session, my_view(), today(), by=by)
    return replace(by, ids=ids_awaiting_verdict(db.session, late, moment()))


def _sums_of(
    filters: ListFilters, by: VisitFilter, page: Page[SeenVisit], addresses: Addresses
) -> dict[str, Any]:
    """The sums where this page holds all visits, else the address that gives them later."""
    is_whole = not (page.newer or page.older) and by.city is None
    if is_whole:
        found = sums_of((visit.city, visit.status, 1) for visit in page.items)
    elif not is_countable(by, today()):
        return {"sums": None, "sums_url": None}
    elif "sums" in request.args:
        found = city_sums(db.session, my_view(), today(), by=by)
    else:
        return {
            "sums": None,
            "sums_url": addresses.at({}, addresses.page + "/sums"),
            "sums_page": addresses.at({"sums": "1"}),
        }
    return {"sums": _sums(filters, by, found, addresses), "sums_url": None}


def _sums(filters: ListFilters, by: VisitFilter, found: CitySums, addresses: Addresses) -> Sums:
    cities = []
    for city, count in found.by_city:
        is_set = city == filters.city
        url = addresses.at({"city": None if is_set else city or NO_CITY})
        cities.append(Choice(f"{city or '未填城市'} {count}", url, is_set=is_set))

    return Sums(
        span_label(filters, today()),
        found.total,
        found.cancelled,
        _reach(by),
        cities[:MOST_CITIES],
        cities[MOST_CITIES:],
        sum(count for _, count in found.by_city[MOST_CITIES:]),
    )


def _reach(by: VisitFilter) -> Reach:
    def read() -> Reach:
        return reach_of_list(db.session, my_view(), today(), by=by)

    return read() if by.planned_until else of_list("reach of a list", by, read=read)
