"""Receipts of a project and claims to them, as their services make them."""

from datetime import date
from decimal import Decimal

from crm.base.money import Currency
from crm.results.contents import ClaimData, Decision
from crm.results.models import ClaimKindSpan
from crm.results.receipt_claims import claim_receipt
from crm.results.receipt_forms import form_rows, plant_forms
from crm.results.receipts import ReceiptData, record_receipt
from crm.results.rules import ClaimKind
from crm.results.service import take_step
from crm.results.workflow import Step
from tests.conftest import NOW
from tests.results.conftest import FROM, project

ARRIVED_ON = date(2026, 7, 10)


def received(db, zone, arrived_on=ARRIVED_ON, *, lead=None, form="paid_in_capital", **given):
    """A receipt of 3,000万元 for a project of the company."""
    if plant_forms(db, NOW):
        db.add(ClaimKindSpan(kind=ClaimKind.MONEY, from_on=FROM))
    forms = {row.code: row.id for row in form_rows(db)}
    values = {
        "arrived_on": arrived_on,
        "amount": Decimal(30_000_000),
        "currency": Currency.CNY,
        "form_id": forms[form],
        "payer": "云海科技",
    }
    data = ReceiptData(**values | given)
    return record_receipt(db, lead=lead or project(db, zone), data=data, by=zone.li, now=NOW)


def claim_data(**given):
    """What a valid claim says."""
    values = {
        "counts_on": ARRIVED_ON,
        "amount": Decimal(30_000_000),
        "currency": Currency.CNY,
        "document_number": "银行进账单",
        "document_issuer": "开户银行",
        "document_on": ARRIVED_ON,
        "is_declared": True,
    }
    return ClaimData(**values | given)


def claimed(db, receipt, by, now=NOW, **given):
    """A claim to the receipt, of its whole amount."""
    data = claim_data(**{"amount": abs(receipt.amount), "currency": receipt.currency} | given)
    return claim_receipt(db, receipt=receipt, data=data, by=by, now=now)


def decide(db, row, by, step=Step.RECOGNISE, now=NOW):
    """Recognise the whole claim, or return or revoke it."""
    decision = Decision(amount=row.amount, basis="进账单", reason="缺进账单")
    take_step(db, row=row, step=step, by=by, now=now, decision=decision)
