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
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.money import Currency
from crm.base.names import folded
from crm.base.sheets import ImportResult, Problem, Sheet, Source, read_sheet
from crm.base.value_class import value_class
from crm.leads.amounts import is_plausible
from crm.leads.merged import Merge, merged_as
from crm.leads.models import Lead
from crm.leads.permissions import may_change, may_see
from crm.people.models import Person
from crm.people.permissions import Viewer, viewer
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


def import_receipts(
    db: Session, *, content: Source, by: Person | None, now: datetime
) -> ImportResult:
    """Record the receipts of a file, all or none; raises `SheetRefused`.

    A command line, without a person, may record all; a person those of leads that are theirs.
    """
    sheet = read_sheet(content, RECEIPT_COLUMNS)
    rows = list(read_rows(sheet, ReceiptRow))
    keeper = _Keeper(db, sheet, by, now, viewer(db, by, civil_date(now)) if by else None)
    outcome = ImportResult(notices=sheet.notices)

    # what takes back of a receipt comes after it
    for line, row in sorted(rows, key=lambda item: item[1].reverses is not None):
        try:
            is_new = keeper.keep(line, row)
        except Refused as refusal:
            sheet.add_problem(line, refusal)
        else:
            outcome.note(line, is_new=is_new)

    sheet.raise_problems()
    return outcome


@value_class
class _Keeper:
    """Keeps rows of a file for whoever imports it."""

    db: Session
    sheet: Sheet
    by: Person | None
    now: datetime
    eyes: Viewer | None  # none: a command line

    def keep(self, line: int, row: ReceiptRow) -> bool:
        """Whether the receipt is new; refused where another has its reference."""
        if known := self.db.scalar(select(Receipt).where(Receipt.ref == row.ref)):
            if not self._sees(known.lead_id):
                raise Refused("duplicate_ref", field="ref", ref=row.ref)
            _refuse_difference(self.db, self.sheet, row, known)
            return False
        lead = self._lead(row)
        if row.reverses is not None:
            self._reverse(row, lead)
            return True

        data = ReceiptData(
            arrived_on=row.arrived_on,
            amount=row.amount,
            currency=row.currency or Currency.CNY,
            form_id=_form_id(self.db, row.form),
            payer=row.payer,
            account_tail=row.account_tail or "",
            note=row.note or "",
            ref=row.ref,
        )
        self.sheet.notices += _asked(self.db, lead, data, line)
        record_receipt(self.db, lead=lead, data=data, by=self.by, now=self.now)
        return True

    def _sees(self, lead_id: int) -> bool:
        on = civil_date(self.now)
        return self.eyes is None or may_see(self.db, self.eyes, lead_id, on)

    def _lead(self, row: ReceiptRow) -> Lead:
        """The lead that is named; one that the importer may not see is unknown."""
        lead = _lead_by_ref(self.db, row.lead)
        if lead is None or not self._sees(lead.id):
            raise Refused("unknown_lead_ref", field="lead", ref=row.lead)
        if self.eyes and not may_change(self.db, self.eyes, lead.id, civil_date(self.now)):
            raise Refused("not_yours", field="lead")
        return lead

    def _reverse(self, row: ReceiptRow, lead: Lead) -> None:
        receipt = self.db.scalar(select(Receipt).where(Receipt.ref == row.reverses))
        # of another lead it may be hidden
        if receipt is None or receipt.lead_id != lead.id:
            raise Refused("unknown_receipt_ref", field="reverses", ref=row.reverses)
        data = ReversalData(
            arrived_on=row.arrived_on,
            amount=abs(row.amount),
            reason=row.reason or "",
            ref=row.ref,
        )
        reverse_receipt(self.db, row=receipt, data=data, by=self.by, now=self.now)


def _lead_by_ref(db: Session, ref: str) -> Lead | None:
    """The lead of that reference, or the one into which it was merged (PROJECTS 6)."""
    if lead := db.scalar(select(Lead).where(Lead.ref == ref)):
        return lead
    survivor = merged_as(Merge.merged_ref == ref)
    return db.scalar(select(Lead).where(Lead.id.in_(survivor)))


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
        "lead": (lead.id if (lead := _lead_by_ref(db, row.lead)) else None, known.lead_id),
        "arrived_on": (row.arrived_on, known.arrived_on),
        "amount": (abs(row.amount), abs(known.amount)),
        "form": (_form_id(db, row.form), known.form_id),
        "payer": (row.payer, known.payer),
        "reverses": (row.reverses, reverses and reverses.ref),
    }
    differing = [sheet.headings[name] for name, (new, old) in pairs.items() if new != old]
    if differing:
        raise Refused("receipt_ref_taken", field="ref", ref=row.ref, columns="、".join(differing))
