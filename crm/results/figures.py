"""How what a project has reached counts: as registered, recognised, waiting or not (PROJECTS 7)."""

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.base.money import Currency
from crm.base.value_class import value_class
from crm.results.basis import BASIS_OF, Basis
from crm.results.models import Claim, ClaimEntry
from crm.results.rules import ClaimKind, ClaimState

_RANK = list(BASIS_OF)
_LIVE = frozenset({ClaimState.CLAIMED, ClaimState.RECOGNISED})


@value_class
class ClaimFact:
    """How a claim stood at a moment."""

    claim_id: int
    lead_id: int
    kind: ClaimKind
    state: ClaimState
    reached_on: date
    counts_on: date
    unit_id: int | None
    recognised_amount: Decimal | None
    claimed_amount: Decimal | None
    currency: Currency | None  # of both amounts

    @property
    def basis(self) -> Basis:
        """How it makes its result count."""
        return BASIS_OF[self.state]

    @property
    def states_amount(self) -> bool:
        """Whether its amount is the one registered of the project.

        PROJECTS 7: what is registered includes what waits and what is recognised.
        """
        return self.state in _LIVE and self.claimed_amount is not None


def claim_facts(
    db: Session, kinds: Collection[ClaimKind], at: datetime
) -> dict[tuple[int, ClaimKind], ClaimFact]:
    """By lead and kind the claim that stood at the moment: a recognition before all others."""
    last = select(func.max(ClaimEntry.id)).where(ClaimEntry.at <= at).group_by(ClaimEntry.claim_id)
    rows = db.execute(
        select(
            *(Claim.id, Claim.lead_id, Claim.kind, ClaimEntry.state, Claim.reached_on),
            *(
                Claim.counts_on,
                Claim.unit_id,
                Claim.recognised_amount,
                Claim.amount,
                Claim.currency,
            ),
        )
        .join(ClaimEntry, ClaimEntry.claim_id == Claim.id)
        .where(ClaimEntry.id.in_(last), Claim.kind.in_(kinds))
        .order_by(Claim.id)
    )
    found: dict[tuple[int, ClaimKind], ClaimFact] = {}
    for row in rows:
        fact = ClaimFact(*row)  # type: ignore[call-arg] # rows of ten columns or more are open
        known = found.get((fact.lead_id, fact.kind))
        # of equal ones the later
        if known is None or _RANK.index(fact.state) <= _RANK.index(known.state):
            found[fact.lead_id, fact.kind] = fact
    return found
