"""Lists of receipts narrowed by how each stands, in SQL as `standing` has it (PROJECTS 8)."""

from collections.abc import Collection
from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ScalarSelect, Select, case, false, func, or_, select
from sqlalchemy.orm import Session, aliased

from crm.base.clock import civil_date
from crm.base.value_class import value_class
from crm.leads.models import Lead
from crm.leads.roles import responsible_unit_on
from crm.results.basis import BASIS_OF, Basis
from crm.results.models import Claim
from crm.results.money_figures import STATES
from crm.results.receipt_models import Receipt, ReceiptForm
from crm.results.receipt_rules import Line
from crm.results.rules import ClaimKind, ClaimState
from crm.results.settings import spans
from crm.results.standing import MoneyClaim

DATES = frozenset({"first", "last"})
CLAIM = aliased(Claim)
COUNTS_ON = func.coalesce(CLAIM.counts_on, Receipt.arrived_on)
UNIT = case((CLAIM.id.is_not(None), CLAIM.unit_id), else_=responsible_unit_on(Receipt.arrived_on))


@value_class(kw_only=True)
class ReceiptFilter:
    """What a list of receipts is narrowed to; what is left out narrows nothing."""

    first: date | None = None  # of the dates on which they count
    last: date | None = None
    basis: Basis | None = None
    line: Line | None = None
    form_id: int | None = None
    unit_ids: Collection[int] | None = None
    industry: str | None = None
    lacks_rate: bool = False

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves anything out but by dates."""
        return any(getattr(self, field.name) for field in fields(self) if field.name not in DATES)


def claim_id() -> ScalarSelect[int]:
    """The claim that decides how the query's receipt stands: one that is not revoked first."""
    of_receipt = aliased(Claim)
    query = select(of_receipt.id).where(
        of_receipt.receipt_id == Receipt.id, of_receipt.state.in_(STATES)
    )
    ordered = query.order_by(of_receipt.state == ClaimState.REVOKED, of_receipt.id.desc())
    return ordered.limit(1).correlate(Receipt).scalar_subquery()


def money_claim(row: Claim) -> MoneyClaim:
    """The claim as figures need it."""
    return MoneyClaim(
        *(row.id, row.state, row.counts_on, row.unit_id, row.amount or Decimal(0)),
        *(row.recognised_amount, civil_date(row.first_claimed_at)),
    )


def _is(db: Session, basis: Basis) -> Any:
    """The receipts that stand so, in SQL as `standing` has it."""
    asked = or_(
        false(),
        *(
            Receipt.arrived_on.between(span.from_on, span.to_on or date.max)
            for span in spans(db)
            if span.kind is ClaimKind.MONEY
        ),
    )
    if basis is Basis.UNCLAIMED:
        return CLAIM.id.is_(None) & asked
    if basis is Basis.REGISTERED:
        return CLAIM.id.is_(None) & ~asked
    return CLAIM.state == next(state for state, known in BASIS_OF.items() if known is basis)


def narrowed(db: Session, query: Select[Any], by: ReceiptFilter) -> Any:
    """The query of receipts and their leads narrowed, with each receipt's claim joined."""
    conditions = (
        (by.first or by.last, COUNTS_ON.between(by.first or date.min, by.last or date.max)),
        (by.form_id, Receipt.form_id == by.form_id),
        (by.industry, Lead.industry == by.industry),
        (by.lacks_rate, Receipt.counted_amount.is_(None)),
    )
    query = query.outerjoin(CLAIM, CLAIM.id == claim_id())
    query = query.where(*(condition for value, condition in conditions if value))
    if by.basis:
        query = query.where(_is(db, by.basis))
    if by.line:
        of_line = select(ReceiptForm.id).where(ReceiptForm.line == by.line)
        query = query.where(Receipt.form_id.in_(of_line))
    if by.unit_ids is not None:
        query = query.where(UNIT.in_(by.unit_ids))
    return query
