"""The money that arrived for a lead, on its page."""

from dataclasses import dataclass

from flask import url_for

from crm.base import formatting
from crm.base.clock import civil_date
from crm.base.money import format_amount
from crm.base.remembered import remembered
from crm.extensions import db
from crm.leads.models import Lead
from crm.results.money import MoneyFact, total
from crm.results.receipt_models import Receipt
from crm.results.receipt_queries import receipts_of_lead
from crm.web.leads.events import Event, Happening
from crm.web.receipts.rows import LACKS_RATE, sum_text
from crm.web.transaction import today

MOST = 5  # receipts on the page; the timeline has all


@dataclass(frozen=True, slots=True)
class LeadReceipt:
    """A receipt in one line."""

    url: str
    on: str
    amount: str
    form: str
    note: str


@dataclass(frozen=True, slots=True)
class LeadMoney:
    """The money of a lead, and its receipts for the timeline."""

    rows: list[LeadReceipt]
    total: str
    happened: list[Happening]


def lead_money(lead: Lead) -> LeadMoney:
    on = today()

    def read() -> LeadMoney:
        receipts = receipts_of_lead(db.session, lead.id)
        return LeadMoney(
            [_row(row) for row in receipts[:MOST]],
            sum_text(total(map(_fact, receipts))),
            [_happened(row) for row in receipts],
        )

    # opened often, and changed seldom
    return remembered(db.session, "money of a lead", lead.id, on, read=read)


def _row(row: Receipt) -> LeadReceipt:
    note = LACKS_RATE if row.counted_amount is None else "冲减" if row.reverses_id else ""
    return LeadReceipt(
        url_for("receipts.show", receipt_id=row.id),
        formatting.dated(row.arrived_on, today()),
        format_amount(row.amount, row.currency),
        row.form.name,
        note,
    )


def _fact(row: Receipt) -> MoneyFact:
    return MoneyFact(
        *(row.id, row.lead_id, row.form.line, row.form_id, row.arrived_on, row.counted_amount),
        unit_id=None,
        industry=None,
    )


def _happened(row: Receipt) -> Happening:
    arrived = f"{formatting.dated(row.arrived_on, today())}到账"
    event = Event(
        "coins",
        f"{'冲减' if row.reverses_id else '到资'} {format_amount(abs(row.amount), row.currency)}",
        formatting.dated(civil_date(row.entered_at), today()),
        "warn" if row.reverses_id else "good",
        url_for("receipts.show", receipt_id=row.id),
        row.entered_by.name if row.entered_by else "批量导入",
        texts=(f"{arrived}，{row.form.name}，付款方{row.payer}",),
    )
    return Happening(row.entered_at, event)
