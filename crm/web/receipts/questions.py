"""What a form asks before it keeps a receipt: 仍保存 answers it (PROJECTS 8)."""

from hashlib import sha256

from crm.base.formatting import dated
from crm.base.money import format_amount
from crm.extensions import db
from crm.leads.models import Lead
from crm.results.receipt_models import Receipt
from crm.results.receipt_queries import question_facts
from crm.results.receipt_rules import Doubt, ReceiptFacts, doubts
from crm.results.receipts import ReceiptData
from crm.web.transaction import today
from crm.web.visits.questions import KEEP, Prompt, QuestionRow, answer

TOKEN = 8  # characters: enough to know a question again


def prompt_about(lead: Lead, data: ReceiptData, was: Receipt | None = None) -> Prompt | None:
    """The unanswered questions; of a change, only those that it brings about."""
    facts = question_facts(db.session, lead, data, but=was)
    asked = {_token(doubt, data): doubt for doubt in doubts(facts)}
    # the button names every question: one that is new since then is asked again
    if not asked or asked.keys() <= set(answer(KEEP)):
        return None

    rows = [QuestionRow(_sentence(doubt, facts), None) for doubt in asked.values()]
    return Prompt(rows, [(" ".join([KEEP, *asked]), "仍保存")])


def _token(doubt: Doubt, data: ReceiptData) -> str:
    named = f"{doubt}:{data.arrived_on}:{data.amount}:{data.currency}:{data.payer}:{data.form_id}"
    return sha256(named.encode()).hexdigest()[:TOKEN]


def _sentence(doubt: Doubt, facts: ReceiptFacts) -> str:
    match doubt:
        case Doubt.MORE_THAN_TOTAL:
            received = format_amount(facts.received + facts.amount, facts.currency)
            planned = format_amount(facts.total or facts.amount, facts.currency)
            return f"累计到位 {received}，超过项目总投资 {planned}。"
        case Doubt.SAME_RECEIPT:
            return "本项目已登记一笔日期、金额和付款方相同的到资，可能重复。"
        case Doubt.BEFORE_SIGNING if facts.signed_on:
            return f"到账日期早于签约日期 {dated(facts.signed_on, today())}。"
        case Doubt.BEFORE_SIGNING:
            return "项目尚未登记签约。"
        case _:
            return "所选形式计入实际使用外资，但项目未登记外资或境外投资方。"
