"""Recognitions to be reviewed: the date or the amount behind them was changed (PROJECTS 7)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.leads.result_facts import ResultFactChanged
from crm.results.models import Claim
from crm.results.rules import MILESTONE_OF, ClaimKind, ClaimState, Flag
from crm.results.service import note, reached_dates
from crm.results.workflow import Step


def flag_changed(db: Session, changes: Iterable[ResultFactChanged]) -> int:
    """Flag what is recognised of the changed projects; how many.

    The recognition stays on its date and at its amount until somebody confirms or revokes it.
    """
    by_lead: dict[int, list[ResultFactChanged]] = {}
    for change in changes:
        by_lead.setdefault(change.lead_id, []).append(change)
    if not by_lead:
        return 0

    db.flush()
    recognised = select(Claim).where(
        Claim.lead_id.in_(by_lead),
        Claim.state == ClaimState.RECOGNISED,
        Claim.flag.is_(None),
        Claim.kind != ClaimKind.MONEY,  # rests on its receipt, which does not change
    )
    claims = db.scalars(recognised.order_by(Claim.id).with_for_update()).all()
    dates = {lead_id: reached_dates(db, lead_id) for lead_id in {row.lead_id for row in claims}}

    return sum(_flag(db, claim, by_lead[claim.lead_id], dates[claim.lead_id]) for claim in claims)


def _flag(
    db: Session, claim: Claim, changes: Sequence[ResultFactChanged], dates: Mapping[ClaimKind, date]
) -> bool:
    at = max(change.at for change in changes)
    milestones = {change.milestone for change in changes}
    is_moved = dates.get(claim.kind) != claim.reached_on
    if is_moved and MILESTONE_OF.get(claim.kind) in milestones:
        claim.flag = Flag.DATE
    elif None in milestones and claim.amount is not None:
        claim.flag = Flag.AMOUNT
    else:
        return False

    claim.flagged_at = at
    note(db, claim, Step.FLAG, by=None, now=at, text=claim.flag.label)
    return True
