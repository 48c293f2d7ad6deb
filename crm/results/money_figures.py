"""Money as targets count it: registered, waiting for recognition, recognised (PROJECTS 7, 8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from crm.base.money import Currency
from crm.leads.models import Lead
from crm.leads.roles import responsible_unit_on
from crm.results.basis import BASIS_OF, COUNTING, Basis
from crm.results.models import Claim, ClaimEntry
from crm.results.receipt_models import Receipt, ReceiptForm
from crm.results.receipt_rules import CENT, Line
from crm.results.rules import ClaimKind, ClaimState, needs_recognition
from crm.results.settings import spans

# as the later of two claims overrides: a revoked one gives way to one that stands
_STATES = (ClaimState.REVOKED, ClaimState.RETURNED, ClaimState.CLAIMED, ClaimState.RECOGNISED)


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class _Claimed:
    state: ClaimState
    counts_on: date
    unit_id: int | None
    share: Decimal  # recognised of claimed
    claim_id: int


def counted_money(db: Session, *, first: date, last: date, at: datetime) -> list[CountedMoney]:
    """The receipts that fall between the dates, as found at the moment, in order of arrival."""
    claims, rules = _claims(db, at), spans(db)
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

    for receipt_id, lead_id, line, arrived_on, amount, responsible, *total in db.execute(query):
        claim = claims.get(receipt_id)
        is_asked = needs_recognition(rules, ClaimKind.MONEY, arrived_on)
        basis = Basis.UNCLAIMED if is_asked else Basis.REGISTERED
        on, share, unit = arrived_on, Decimal(1), responsible
        if claim:
            basis, on, share = BASIS_OF[claim.state], claim.counts_on, claim.share
            unit = claim.unit_id
        if not first <= on <= last:
            continue

        counts = basis in COUNTING and amount is not None
        recognised = (amount * share).quantize(CENT) if counts else Decimal(0)
        found.append(
            CountedMoney(
                *(receipt_id, lead_id, line, on, unit, tuple(total), amount, basis, recognised),
                claim.claim_id if claim else None,
            )
        )

    return found


def _claims(db: Session, at: datetime) -> Mapping[int, _Claimed]:
    """By receipt the claim that stood at the moment."""
    last = select(func.max(ClaimEntry.id)).where(ClaimEntry.at <= at).group_by(ClaimEntry.claim_id)
    rows = db.execute(
        select(
            *(Claim.receipt_id, ClaimEntry.state, Claim.counts_on, Claim.unit_id),
            *(Claim.amount, Claim.recognised_amount, Claim.id),
        )
        .join(ClaimEntry, ClaimEntry.claim_id == Claim.id)
        .where(ClaimEntry.id.in_(last), Claim.kind == ClaimKind.MONEY)
        .where(ClaimEntry.state.in_(_STATES))
    )
    found = {}
    for receipt_id, state, on, unit_id, amount, recognised, claim_id in sorted(
        rows, key=lambda row: _STATES.index(row.state)
    ):
        # a claim to money always has both
        if receipt_id is not None and amount is not None:
            share = Decimal(1) if recognised is None else recognised / amount
            found[receipt_id] = _Claimed(state, on, unit_id, share, claim_id)
    return found
