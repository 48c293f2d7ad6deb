"""The money that arrived for a lead, on its page."""

from collections.abc import Sequence
from datetime import date

from flask import url_for

from crm.base import formatting
from crm.base.clock import civil_date
from crm.base.money import format_amount
from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.extensions import db
from crm.leads.models import Lead
from crm.leads.rules import Stage
from crm.results.money import MoneyFact, total
from crm.results.receipt_models import Receipt, ReceiptFile
from crm.results.receipt_queries import receipts_of_lead, standings
from crm.results.standing import Standing
from crm.web.leads.events import Event, Happening
from crm.web.receipts.rows import standing_text
from crm.web.results.rows import BASIS_TONES
from crm.web.transaction import today

MOST = 5  # receipts on the page; the timeline has all


@value_class
class LeadReceipt:
    """A receipt in one line."""

    url: str
    on: str
    amount: str
    form: str
    state: str
    tone: str
    lacks_rate: bool


@value_class
class LeadMoney:
    """The money of a lead, and its receipts for the timeline."""

    rows: list[LeadReceipt]
    sums: list[tuple[str, str]]  # of the month, of the year, since the signing
    happened: list[Happening]


def lead_money(lead: Lead) -> LeadMoney:
    on = today()

    def read() -> LeadMoney:
        receipts = receipts_of_lead(db.session, lead.id)
        stand = standings(db.session, receipts)
        return LeadMoney(
            [_row(row, stand[row.id]) for row in receipts[:MOST]],
            _sums([(row.arrived_on, _fact(row, stand[row.id])) for row in receipts], lead, on),
            [_happened(row) for row in receipts],
        )

    # opened often, and changed seldom
    return remembered(db.session, "money of a lead", lead.id, on, read=read)


def _row(row: Receipt, stands: Standing) -> LeadReceipt:
    return LeadReceipt(
        url_for("receipts.show", receipt_id=row.id),
        formatting.dated(row.arrived_on, today()),
        format_amount(row.amount, row.currency),
        row.form.name,
        "，".join(filter(None, (stands.basis.label, stands.mark))),
        BASIS_TONES.get(stands.basis, "neutral"),
        row.counted_amount is None,
    )


def _fact(row: Receipt, stands: Standing) -> MoneyFact:
    return MoneyFact(
        *(row.id, row.lead_id, row.form.line, row.form_id, stands.on, row.counted_amount),
        unit_id=None,
        industry=None,
        recognised=stands.recognised,
    )


def _sums(facts: Sequence[tuple[date, MoneyFact]], lead: Lead, on: date) -> list[tuple[str, str]]:
    """What counts in this month and year, and what arrived since the signing (PROJECTS 8)."""
    signed = [step.reached_on for step in lead.milestones if step.kind == Stage.SIGNED]
    begins = min(signed, default=date.min)
    parts = {
        "本月": [fact for _, fact in facts if fact.on >= on.replace(day=1)],
        "本年": [fact for _, fact in facts if fact.on.year == on.year],
        "签约以来" if signed else "累计": [fact for arrived, fact in facts if arrived >= begins],
    }
    return [(label, standing_text(total(part))) for label, part in parts.items()]


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
        owner=(ReceiptFile, row.id),
    )
    return Happening(row.entered_at, event)
