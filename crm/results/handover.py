"""Hand a claim over when whoever claimed leaves (REGIME 2)."""

from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.locks import hold
from crm.people.models import Person
from crm.results.models import Claim


def replace_claimant(
    db: Session, *, claim: Claim, to: Person, by: Person | None, now: datetime
) -> None:
    """Change the person for whom the claim waits once it is returned, and who is told of it."""
    hold(db, claim)
    before, claim.claimed_by_id = claim.claimed_by_id, to.id
    names = {"before": {"claimed_by_id": before}, "after": {"claimed_by_id": to.id}}
    record(db, "claim.handed_over", claim, by=by, at=now, **names)
    db.expire(claim, ["claimed_by"])
