"""An imported receipt taken back, with the milestone that it made (ENTRY 6)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.leads.models import Lead, Milestone
from crm.leads.progress import withdraw_milestone
from crm.leads.rules import FIRST_MONEY
from crm.people.models import Person
from crm.results.receipt_models import Receipt
from crm.results.receipts import withdraw_receipt

REASON = "撤销导入的到资"


def take_back_imported(db: Session, *, row: Receipt, by: Person, now: datetime) -> None:
    """Withdraw the receipt and free its reference, so that the corrected file can be imported.

    Refused as `withdraw_receipt`.
    """
    withdraw_receipt(db, row=row, by=by, now=now)
    before, after = changes(row, {"ref": f"{row.ref}-撤{row.id}"})
    record(db, "receipt.changed", row, by=by, at=now, before=before, after=after)
    _withdraw_first_money(db, row, by, now)


def _withdraw_first_money(db: Session, row: Receipt, by: Person, now: datetime) -> None:
    """Withdraw the milestone that came with the receipt, once no money is left that made it."""
    left = select(Receipt.id).where(Receipt.lead_id == row.lead_id, Receipt.withdrawn_at.is_(None))
    if db.scalar(left.limit(1)) is not None:
        return
    made = select(Milestone).where(
        Milestone.lead_id == row.lead_id,
        Milestone.kind == FIRST_MONEY,
        Milestone.entered_at == row.entered_at,
        Milestone.entered_by_id == row.entered_by_id,
    )
    if milestone := db.scalar(made):
        lead = db.get_one(Lead, row.lead_id)
        withdraw_milestone(db, lead=lead, milestone=milestone, reason=REASON, by=by, now=now)
