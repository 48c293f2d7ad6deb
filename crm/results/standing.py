"""How a receipt stands: its state, the date on which it counts, and what of it counts. Pure."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from crm.base.value_class import value_class
from crm.base.workdays import WorkingCalendar
from crm.results.basis import BASIS_OF, COUNTING, Basis
from crm.results.receipt_rules import CENT, counting
from crm.results.rules import ClaimKind, ClaimState, Span, needs_recognition


@value_class
class MoneyClaim:
    """The claim to a receipt, as far as figures need it."""

    id: int
    state: ClaimState
    counts_on: date
    unit_id: int | None
    amount: Decimal
    recognised_amount: Decimal | None
    first_claimed_on: date


@value_class
class Standing:
    """How a receipt stands at a moment."""

    basis: Basis
    on: date  # on which it counts; of one that nobody has claimed, on which it arrived
    recognised: Decimal  # what of it counts, in the currency of its line
    mark: str  # 「补报10月」, 「上年结转」; empty where it was claimed in time
    claim_id: int | None


def standing(
    arrived_on: date,
    counted_amount: Decimal | None,
    claim: MoneyClaim | None,
    rules: Iterable[Span],
    calendar: WorkingCalendar,
) -> Standing:
    """How a receipt stands with that claim; without an amount its rate is not known yet."""
    if claim is None:
        is_asked = needs_recognition(rules, ClaimKind.MONEY, arrived_on)
        basis = Basis.UNCLAIMED if is_asked else Basis.REGISTERED
        counted = Decimal(0) if is_asked else counted_amount or Decimal(0)
        return Standing(basis, arrived_on, counted, "", None)

    basis = BASIS_OF[claim.state]
    counted = Decimal(0)
    if basis in COUNTING and counted_amount is not None:
        # of a claim in another currency than its line as much in proportion
        part = claim.amount if claim.recognised_amount is None else claim.recognised_amount
        counted = (counted_amount * part / claim.amount).quantize(CENT)
    mark = counting(arrived_on, claim.first_claimed_on, calendar).mark
    return Standing(basis, claim.counts_on, counted, mark, claim.id)
