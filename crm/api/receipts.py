"""Receipts: money that arrived for projects, listed, entered, withdrawn (PROJECTS 8)."""

from collections.abc import Collection
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from crm.api.call import Call, found
from crm.api.lead_models import unit_id
from crm.api.models import (
    Asked,
    Day,
    FilledLine,
    Line,
    Listed,
    Listing,
    MoneyAsked,
    Prose,
    RowId,
    Shown,
)
from crm.api.operations import Resource
from crm.api.paging import listing as listed
from crm.api.paging import place_of
from crm.api.problems import Problem
from crm.api.receipt_models import (
    Forms,
    FormShown,
    ReceiptListed,
    ReceiptShown,
    show_receipt,
    show_receipts,
)
from crm.api.visit_models import Answers
from crm.base.errors import Refused
from crm.base.locks import lock_row
from crm.leads.models import Lead
from crm.leads.permissions import may_change
from crm.leads.queries import lead_by_id
from crm.people.queries import unit_tree, units_below
from crm.people.rules import WITH_RECORDS
from crm.results.basis import Basis
from crm.results.permissions import claim_scope
from crm.results.receipt_filter import ReceiptFilter
from crm.results.receipt_forms import form_rows
from crm.results.receipt_models import Receipt
from crm.results.receipt_queries import receipt_with_right, receipts_page
from crm.results.receipt_questions import questions_about
from crm.results.receipt_rules import Line as MoneyLine
from crm.results.receipts import (
    ReceiptData,
    ReversalData,
    check_receipt,
    receipt_id_recorded,
    record_receipt,
    reverse_receipt,
    withdraw_receipt,
)

receipts = Resource("receipts", "到位资金")
ONE = "/receipts/{receipt_id}"
Stands = Literal["registered", "recognised", "waiting", "returned", "revoked", "unclaimed"]


class ReceiptQuery(Listed):
    first: Day | None = Field(None, description="计入日期在该日或以后")
    last: Day | None = Field(None, description="计入日期在该日或以前")
    basis: Stands | None = Field(None, description="按登记、已认定、未申报等")
    line: MoneyLine | None = Field(None, description="到位资金或外资")
    form: Annotated[str, Field(max_length=50)] | None = Field(None, description="到资形式的代码")
    unit: Annotated[str, Field(max_length=50)] | None = Field(
        None, description="责任单位的编号，含下级单位"
    )
    industry: Annotated[str, Field(max_length=50)] | None = Field(None, description="产业的代码")
    lacks_rate: bool = Field(False, description="只要待补汇率的")  # noqa: FBT003 - a default


class NewReceipt(Asked):
    NAMES: ClassVar = {"lead_id": "lead", "form_id": "form"}

    ref: Line = Field("", description="编号；留空由系统生成")
    lead: RowId = Field(description="线索的 id")
    arrived_on: Day = Field(description="到账日期")
    amount: MoneyAsked = Field(description="到账数额")
    form: Annotated[str, Field(max_length=50)] = Field(description="到资形式的代码")
    payer: FilledLine = Field(description="付款方")
    account_tail: Line = Field("", description="收款账号后四位")
    note: Annotated[Prose, Field(max_length=2000)] = Field("", description="说明")
    answers: Answers = Field([])


class NewReversal(Asked):
    ref: Line = Field("", description="编号；留空由系统生成")
    arrived_on: Day = Field(description="冲减日期")
    amount: MoneyAsked = Field(description="冲减数额，正数，币种与原到资一致")
    reason: Annotated[Prose, Field(min_length=1, max_length=2000)] = Field(description="冲减原因")


class Withdrawn(Shown):
    """A receipt that counts nowhere any more."""

    ref: str
    withdrawn_at: datetime


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


@receipts.post("/receipts", "登记到账", creates=True, roles=WITH_RECORDS)
def add(call: Call, body: NewReceipt) -> ReceiptShown:
    """Record a receipt; the same `ref` of the same person is the same one, and harmless."""
    known_id = receipt_id_recorded(call.db, ref=body.ref or None, by_id=call.person.id)
    if known_id is not None:
        return call.after(show, known_id)

    lead = lead_by_id(call.db, call.viewer, body.lead, call.on)
    if lead is None:
        raise Refused("no_such_lead", field="lead")
    if not may_change(call.db, call.viewer, lead.id, call.on):
        raise Refused("not_yours")
    data = _data(call, body)
    check_receipt(call.db, data, call.on)
    _require_answers(call, lead, data, body.answers)
    row = record_receipt(call.db, lead=lead, data=data, by=call.person, now=call.now)
    return call.after(show, row.id)


@receipts.post(
    f"{ONE}/reverse", "冲减到账记录", creates=True, place="/receipts", roles=WITH_RECORDS
)
def reverse(call: Call, receipt_id: RowId, body: NewReversal) -> ReceiptShown:
    """Take back of a receipt; the same `ref` of the same person is the same reversal."""
    lock_row(call.db, Receipt, receipt_id)
    row, may_reverse = _visible(call, receipt_id)
    call.match(show_receipt(call, row, may_change=may_reverse))
    if not may_reverse:
        raise Refused("not_yours")
    if body.amount.currency is not row.currency:
        raise Refused("currency_of_receipt", field="amount", currency=row.currency.label)

    data = ReversalData(
        arrived_on=body.arrived_on, amount=body.amount.amount, reason=body.reason, ref=body.ref
    )
    made = reverse_receipt(call.db, row=row, data=data, by=call.person, now=call.now)
    return call.after(show, made.id)


@receipts.post(f"{ONE}/withdraw", "撤销误登的到账记录", roles=WITH_RECORDS)
def withdraw(call: Call, receipt_id: RowId) -> Withdrawn:
    lock_row(call.db, Receipt, receipt_id)
    row, may_withdraw = _visible(call, receipt_id)
    call.match(show_receipt(call, row, may_change=may_withdraw))
    if not may_withdraw:
        raise Refused("not_yours")
    withdraw_receipt(call.db, row=row, by=call.person, now=call.now)
    return Withdrawn(ref=row.ref, withdrawn_at=call.now)


def _data(call: Call, body: NewReceipt) -> ReceiptData:
    return ReceiptData(
        arrived_on=body.arrived_on,
        amount=body.amount.amount,
        currency=body.amount.currency,
        form_id=form_id(call, body.form),
        payer=body.payer,
        account_tail=body.account_tail,
        note=body.note,
        ref=body.ref,
    )


def _require_answers(call: Call, lead: Lead, data: ReceiptData, answers: Collection[str]) -> None:
    """Raise a `Problem` of 409 with the questions that `answers` leaves open."""
    asked = questions_about(call.db, lead, data, call.on)
    if {question.token for question in asked} <= set(answers):
        return
    questions = [
        {"token": one.token, "code": one.doubt.value, "detail": one.sentence} for one in asked
    ]
    raise Problem(HTTPStatus.CONFLICT, "questions", members={"questions": questions})


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
    scope = claim_scope(call.db, call.viewer, call.on)
    return found(receipt_with_right(call.db, scope, receipt_id))
