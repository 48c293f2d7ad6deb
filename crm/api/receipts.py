"""Receipts: money that arrived for projects, listed and read (PROJECTS 8)."""

from typing import Annotated, Literal

from pydantic import Field

from crm.api.call import Call, NotFound
from crm.api.lead_models import unit_id
from crm.api.models import Day, Listed, Listing, RowId
from crm.api.operations import Resource
from crm.api.paging import listing as listed
from crm.api.paging import place_of
from crm.api.receipt_models import (
    Forms,
    FormShown,
    ReceiptListed,
    ReceiptShown,
    show_receipt,
    show_receipts,
)
from crm.base.errors import Refused
from crm.people.queries import unit_tree, units_below
from crm.people.rules import WITH_RECORDS
from crm.results.basis import Basis
from crm.results.permissions import claim_scope
from crm.results.receipt_filter import ReceiptFilter
from crm.results.receipt_forms import form_rows
from crm.results.receipt_models import Receipt
from crm.results.receipt_queries import receipt_with_right, receipts_page
from crm.results.receipt_rules import Line

receipts = Resource("receipts", "到位资金")
ONE = "/receipts/{receipt_id}"
Stands = Literal["registered", "recognised", "waiting", "returned", "revoked", "unclaimed"]


class ReceiptQuery(Listed):
    first: Day | None = Field(None, description="计入日期在该日或以后")
    last: Day | None = Field(None, description="计入日期在该日或以前")
    basis: Stands | None = Field(None, description="按登记、已认定、未申报等")
    line: Line | None = Field(None, description="到位资金或外资")
    form: Annotated[str, Field(max_length=50)] | None = Field(None, description="到资形式的代码")
    unit: Annotated[str, Field(max_length=50)] | None = Field(
        None, description="责任单位的编号，含下级单位"
    )
    industry: Annotated[str, Field(max_length=50)] | None = Field(None, description="产业的代码")
    lacks_rate: bool = Field(False, description="只要待补汇率的")  # noqa: FBT003 - a default


@receipts.get("/receipts", "可见的到账记录，到账晚的在前", roles=WITH_RECORDS)
def listing(call: Call, query: ReceiptQuery) -> Listing[ReceiptListed]:
    by, place = _filter(call, query), place_of(call, query)
    page = receipts_page(call.db, call.viewer, call.on, by=by, cursor=place, size=query.limit)
    return listed(call, query, page, lambda rows: show_receipts(call, rows))


@receipts.get("/receipt-forms", "到资形式", roles=WITH_RECORDS)
def forms(call: Call) -> Forms:
    rows = form_rows(call.db)
    return Forms(items=[FormShown.model_validate(row) for row in rows if row.is_offered])


@receipts.get(ONE, "一笔到账记录", roles=WITH_RECORDS)
def show(call: Call, receipt_id: RowId) -> ReceiptShown:
    row, may_change = _visible(call, receipt_id)
    return show_receipt(call, row, may_change=may_change)


def _filter(call: Call, query: ReceiptQuery) -> ReceiptFilter:
    asked_unit = unit_id(call, query.unit, "unit")
    return ReceiptFilter(
        first=query.first,
        last=query.last,
        basis=Basis(query.basis) if query.basis else None,
        line=query.line,
        form_id=form_id(call, query.form) if query.form else None,
        unit_ids=units_below(unit_tree(call.db), {asked_unit}) if asked_unit else None,
        industry=query.industry,
        lacks_rate=query.lacks_rate,
    )


def form_id(call: Call, code: str) -> int:
    """The id of the form; refused as `unknown_form`."""
    for row in form_rows(call.db):
        if row.code == code:
            return row.id
    raise Refused("unknown_form", field="form")


def _visible(call: Call, receipt_id: int) -> tuple[Receipt, bool]:
    found = receipt_with_right(call.db, claim_scope(call.db, call.viewer, call.on), receipt_id)
    if found is None:
        raise NotFound
    return found
