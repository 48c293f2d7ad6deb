"""Money as targets count it: registered, waiting for recognition, recognised (PROJECTS 7, 8)."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.money import Currency
from crm.base.value_class import value_class
from crm.leads.models import Lead
from crm.leads.roles import responsible_unit_on
from crm.quotas.queries import working_calendar
from crm.results.basis import Basis
from crm.results.models import Claim, ClaimEntry
from crm.results.receipt_models import Receipt, ReceiptForm
from crm.results.receipt_rules import Line
from crm.results.rules import ClaimKind, ClaimState
from crm.results.settings import spans
from crm.results.standing import MoneyClaim, standing

# of several claims to a receipt the later state decides: a revoked one gives way
STATES = (ClaimState.REVOKED, ClaimState.RETURNED, ClaimState.CLAIMED, ClaimState.RECOGNISED)


@value_class
class CountedMoney:
    """A receipt as figures count it, in the currency of its line."""

    receipt_id: int
    lead_id: int
    line: Line
    on: date
    unit_id: int | None
    total: tuple[Decimal | None, Currency | None]  # of the project, which decides its tier
    amount: Decimal | None  # none: its rate is not known yet (待补汇率)
    basis: Basis
    recognised: Decimal  # what of it counts
    claim_id: int | None = None


def counted_money(db: Session, *, first: date, last: date, at: datetime) -> list[CountedMoney]:
    """The receipts that fall between the dates, as found at the moment, in order of arrival."""
    claims, rules, calendar = _claims(db, at), spans(db), working_calendar(db)
    query = (
        select(
            *(Receipt.id, Receipt.lead_id, ReceiptForm.line, Receipt.arrived_on),
            *(Receipt.counted_amount, responsible_unit_on(Receipt.arrived_on)),
            *(Lead.amount, Lead.currency),
        )
        .join(Receipt.lead)
        .join(ReceiptForm, ReceiptForm.id == Receipt.form_id)
        .where(Receipt.entered_at <= at)
        .where(or_(Receipt.withdrawn_at.is_(None), Receipt.withdrawn_at > at))
        .order_by(Receipt.arrived_on, Receipt.id)
    )
    found = []

    for receipt_id, lead_id, line, arrived_on, amount, unit, *total in db.execute(query):
        claim = claims.get(receipt_id)
        stands = standing(arrived_on, amount, claim, rules, calendar)
        if first <= stands.on <= last:
            found.append(
                CountedMoney(
                    *(receipt_id, lead_id, line, stands.on, claim.unit_id if claim else unit),
                    *(tuple(total), amount, stands.basis, stands.recognised, stands.claim_id),
                )
            )

    return found


def _claims(db: Session, at: datetime) -> Mapping[int, MoneyClaim]:
    """By receipt the claim that stood at the moment."""
    last = select(func.max(ClaimEntry.id)).where(ClaimEntry.at <= at).group_by(ClaimEntry.claim_id)
    rows = db.execute(
        select(
            *(Claim.receipt_id, Claim.id, ClaimEntry.state, Claim.counts_on, Claim.unit_id),
            *(Claim.amount, Claim.recognised_amount, Claim.first_claimed_at),
        )
        .join(ClaimEntry, ClaimEntry.claim_id == Claim.id)
        .where(ClaimEntry.id.in_(last), Claim.kind == ClaimKind.MONEY)
        .where(ClaimEntry.state.in_(STATES))
        .order_by(Claim.id)
    )
    return {
        row.receipt_id: MoneyClaim(
            *(row.id, row.state, row.counts_on, row.unit_id, row.amount or Decimal(0)),
            *(row.recognised_amount, civil_date(row.first_claimed_at)),
        )
        for row in sorted(rows, key=lambda row: STATES.index(row.state))
    }
