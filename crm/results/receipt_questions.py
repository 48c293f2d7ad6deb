"""What is asked before a receipt is kept, in words: on pages and over the API (PROJECTS 8)."""

from datetime import date
from hashlib import sha256

from sqlalchemy.orm import Session

from crm.base.formatting import dated
from crm.base.money import format_amount
from crm.base.value_class import value_class
from crm.leads.models import Lead
from crm.results.receipt_models import Receipt
from crm.results.receipt_queries import question_facts
from crm.results.receipt_rules import Doubt, ReceiptFacts, doubts
from crm.results.receipts import ReceiptData

TOKEN = 8  # characters: enough to know a question again


@value_class
class ReceiptQuestion:
    """A question; its token says that exactly this one is answered."""

    token: str
    doubt: Doubt
    sentence: str


def questions_about(
    db: Session, lead: Lead, data: ReceiptData, on: date, *, was: Receipt | None = None
) -> list[ReceiptQuestion]:
    """The questions about a valid receipt; `was` is the one that is changed."""
    facts = question_facts(db, lead, data, but=was)
    return [
        ReceiptQuestion(_token(doubt, data), doubt, _sentence(doubt, facts, on))
        for doubt in doubts(facts)
    ]


def _token(doubt: Doubt, data: ReceiptData) -> str:
    named = f"{doubt}:{data.arrived_on}:{data.amount}:{data.currency}:{data.payer}:{data.form_id}"
    return sha256(named.encode()).hexdigest()[:TOKEN]


def _sentence(doubt: Doubt, facts: ReceiptFacts, on: date) -> str:
    match doubt:
        case Doubt.MORE_THAN_TOTAL:
            received = format_amount(facts.received + facts.amount, facts.currency)
            planned = format_amount(facts.total or facts.amount, facts.currency)
            return f"累计到位 {received}，超过项目总投资 {planned}。"
        case Doubt.SAME_RECEIPT:
            return "本项目已登记一笔日期、金额和付款方相同的到资，可能重复。"
        case Doubt.BEFORE_SIGNING if facts.signed_on:
            return f"到账日期早于签约日期 {dated(facts.signed_on, on)}。"
        case Doubt.BEFORE_SIGNING:
            return "项目尚未登记签约。"
        case _:
            return "所选形式计入实际使用外资，但项目未登记外资或境外投资方。"
