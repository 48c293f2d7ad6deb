"""Receipts as the API tells of them (PROJECTS 8)."""

from collections.abc import Sequence
from datetime import date, datetime

from pydantic import Field

from crm.api.call import Call
from crm.api.models import LeadNamed, Money, PersonShown, Shown
from crm.api.result_models import leads_named
from crm.results.basis import Basis
from crm.results.receipt_models import Receipt
from crm.results.receipt_queries import reversals_of, standings
from crm.results.receipt_rules import Line
from crm.results.standing import Standing


class FormShown(Shown):
    code: str
    name: str
    line: Line = Field(description="计入到位资金（人民币）或实际使用外资（美元）")


class Forms(Shown):
    """The forms in which money arrives that may be chosen, in their order."""

    items: list[FormShown]


class ReceiptListed(Shown):
    id: int
    ref: str
    lead: LeadNamed
    arrived_on: date
    amount: Money | None = Field(description="到账数额；冲减为负")
    form: str = Field(description="到资形式的代码")
    line: Line
    counted: Money | None = Field(description="按计入的币种折合；待补汇率的为空")
    basis: Basis = Field(description="按登记、已认定、未申报等")
    counts_on: date = Field(description="计入的日期；未申报的为到账日期")
    recognised: Money | None = Field(description="其中计入的数额")
    mark: str = Field(description="补报、上年结转的注明；无则为空")
    claim_id: int | None
    payer: str
    reverses_id: int | None = Field(description="所冲减的到账记录")


class ReceiptShown(ReceiptListed):
    account_tail: str | None = Field(description="收款账号后四位")
    note: str | None
    reason: str | None = Field(description="冲减原因")
    reversal_ids: list[int] = Field(description="冲减本笔的记录")
    entered_by: PersonShown | None = Field(description="批量导入的为空")
    entered_at: datetime
    may_change: bool = Field(description="本人是否可以登记、冲减、撤销该项目的到资")


SAME = ("id", "ref", "arrived_on", "payer", "reverses_id")
OF_PAGE = ("account_tail", "note", "reason", "entered_at")


def show_receipts(call: Call, rows: Sequence[Receipt]) -> list[ReceiptListed]:
    """The receipts of a list; their parties are loaded."""
    named, stand = leads_named(call, [row.lead for row in rows]), standings(call.db, rows)
    return [ReceiptListed(**_columns(row, named[row.lead_id], stand[row.id])) for row in rows]


def show_receipt(call: Call, row: Receipt, *, may_change: bool) -> ReceiptShown:
    """One receipt with all that its page shows."""
    lead = leads_named(call, [row.lead])[row.lead_id]
    return ReceiptShown(
        **_columns(row, lead, standings(call.db, [row])[row.id]),
        **{name: getattr(row, name) for name in OF_PAGE},
        reversal_ids=[reversal.id for reversal in reversals_of(call.db, row.id)],
        entered_by=PersonShown.or_none(row.entered_by),
        may_change=may_change,
    )


def _columns(row: Receipt, lead: LeadNamed, stands: Standing) -> dict[str, object]:
    line = row.form.line
    return {name: getattr(row, name) for name in SAME} | {
        "lead": lead,
        "amount": Money.of(row.amount, row.currency),
        "form": row.form.code,
        "line": line,
        "counted": Money.of(row.counted_amount, line.currency),
        "basis": stands.basis,
        "counts_on": stands.on,
        "recognised": Money.of(stands.recognised, line.currency),
        "mark": stands.mark,
        "claim_id": stands.claim_id,
    }
