"""Receipts from a file: all of it or nothing; the reference makes a repeat harmless."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.cells import (
    Cells,
    Day,
    Line,
    LineOrNone,
    ProseOrNone,
    Required,
    number,
    one_of,
    read_rows,
)
from crm.base.errors import Refused
from crm.base.money import Currency
from crm.base.names import folded
from crm.base.sheets import ImportResult, Problem, Sheet, read_sheet
from crm.leads.amounts import is_plausible
from crm.leads.models import Lead
from crm.results.receipt_columns import RECEIPT_COLUMNS
from crm.results.receipt_forms import form_rows
from crm.results.receipt_models import Receipt
from crm.results.receipt_queries import question_facts
from crm.results.receipt_rules import doubts
from crm.results.receipts import ReceiptData, ReversalData, record_receipt, reverse_receipt


def _amount(text: str) -> Decimal:
    amount = number(text, code="bad_amount")
    if not is_plausible(amount):
        raise PydanticCustomError("bad_amount", "bad_amount")
    return amount


class ReceiptRow(Cells):
    """A row of a file; the amount of a reversal may be written with its sign or without."""

    ref: Line
    lead: Line
    arrived_on: Day
    amount: Annotated[Decimal, BeforeValidator(_amount), Required]
    currency: Annotated[Currency | None, one_of(Currency)] = None
    form: Line
    payer: Line
    account_tail: LineOrNone = None
    note: ProseOrNone = None
    reverses: LineOrNone = None
    reason: ProseOrNone = None


def import_receipts(db: Session, *, content: bytes, now: datetime) -> ImportResult:
    """Record the receipts of a file, all or none; raises `SheetRefused`."""
    sheet = read_sheet(content, RECEIPT_COLUMNS)
    rows = list(read_rows(sheet, ReceiptRow))
    outcome = ImportResult(notices=sheet.notices)

    # what takes back of a receipt comes after it
    for line, row in sorted(rows, key=lambda item: item[1].reverses is not None):
        try:
            is_new = _keep(db, sheet, line, row, now)
        except Refused as refusal:
            sheet.add_problem(line, refusal)
        else:
            outcome.added += is_new
            outcome.unchanged += not is_new

    sheet.raise_problems()
    return outcome


def _keep(db: Session, sheet: Sheet, line: int, row: ReceiptRow, now: datetime) -> bool:
    """Whether the receipt is new; refused where another has its reference."""
    if known := db.scalar(select(Receipt).where(Receipt.ref == row.ref)):
        _refuse_difference(db, sheet, row, known)
        return False
    lead = db.scalar(select(Lead).where(Lead.ref == row.lead))
    if lead is None:
        raise Refused("unknown_lead_ref", field="lead", ref=row.lead)

    if row.reverses is not None:
        _reverse(db, row, now)
        return True

    data = ReceiptData(
        arrived_on=row.arrived_on,
        amount=row.amount,
        currency=row.currency or Currency.CNY,
        form_id=_form_id(db, row.form),
        payer=row.payer,
        account_tail=row.account_tail or "",
        note=row.note or "",
        ref=row.ref,
    )
    sheet.notices += _asked(db, lead, data, line)
    record_receipt(db, lead=lead, data=data, by=None, now=now)
    return True


def _reverse(db: Session, row: ReceiptRow, now: datetime) -> None:
    receipt = db.scalar(select(Receipt).where(Receipt.ref == row.reverses))
    if receipt is None:
        raise Refused("unknown_receipt_ref", field="reverses", ref=row.reverses)
    data = ReversalData(
        arrived_on=row.arrived_on,
        amount=abs(row.amount),
        reason=row.reason or "",
        ref=row.ref,
    )
    reverse_receipt(db, row=receipt, data=data, by=None, now=now)


def _asked(db: Session, lead: Lead, data: ReceiptData, line: int) -> Iterable[Problem]:
    """What a form would ask; a file is imported all the same."""
    for doubt in doubts(question_facts(db, lead, data)):
        yield Problem(Refused("receipt_is_unlikely", doubt=doubt.label), line, None)


def _form_id(db: Session, text: str) -> int:
    for form in form_rows(db):
        if text == form.code or folded(text) == folded(form.name):
            return form.id
    raise Refused("unknown_form", field="form")


def _refuse_difference(db: Session, sheet: Sheet, row: ReceiptRow, known: Receipt) -> None:
    reverses = db.get(Receipt, known.reverses_id) if known.reverses_id else None
    pairs = {
        "lead": (row.lead, db.get_one(Lead, known.lead_id).ref),
        "arrived_on": (row.arrived_on, known.arrived_on),
        "amount": (abs(row.amount), abs(known.amount)),
        "form": (_form_id(db, row.form), known.form_id),
        "payer": (row.payer, known.payer),
        "reverses": (row.reverses, reverses and reverses.ref),
    }
    differing = [sheet.headings[name] for name, (new, old) in pairs.items() if new != old]
    if differing:
        raise Refused("ref_taken", field="ref", ref=row.ref, columns="、".join(differing))
