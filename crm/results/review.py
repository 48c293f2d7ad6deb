"""Recognitions to be reviewed: the date or the amount behind them was changed (PROJECTS 7)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.mail import Site
from crm.base.money import format_amount
from crm.leads.models import Lead
from crm.leads.result_facts import ResultFactChanged
from crm.results.models import Claim, ClaimEntry
from crm.results.notifications import tell
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
    # what was entered before the decision was there to be seen
    later = [item for item in changes if claim.decided_at and item.at >= claim.decided_at]
    at = max((item.at for item in later), default=claim.claimed_at)
    milestones = {item.milestone for item in later}
    reached_on = dates.get(claim.kind)
    is_moved = reached_on != claim.reached_on
    if is_moved and MILESTONE_OF.get(claim.kind) in milestones:
        claim.flag, change = Flag.DATE, _moved(claim.reached_on, reached_on)
    elif None in milestones and claim.amount is not None:
        claim.flag, change = Flag.AMOUNT, _restated(db, claim)
    else:
        return False

    claim.flagged_at = at
    note(db, claim, Step.FLAG, by=None, now=at, text=f"{claim.flag.label}：{change}")
    return True


def _moved(before: date, after: date | None) -> str:
    return f"由{_dated(before)}改为{_dated(after)}" if after else f"{_dated(before)}的节点已撤销"


def _dated(on: date) -> str:
    return f"{on.year}年{on.month}月{on.day}日"


def _restated(db: Session, claim: Claim) -> str:
    lead = db.get_one(Lead, claim.lead_id)
    if lead.amount is None or lead.currency is None:
        return "现为空"
    return f"现为{format_amount(lead.amount, lead.currency)}"


def tell_flagged(db: Session, *, at: datetime, site: Site) -> Mapping[str, int]:
    """Tell whoever must confirm or revoke what was flagged, once for each flag; how many mails.

    The clock does it: what flags a claim also happens where no mail can be made, as in an import.
    """
    waiting = select(Claim).where(Claim.flag.is_not(None), Claim.flagged_at <= at)
    sent = 0
    for claim in db.scalars(waiting.order_by(Claim.id)).all():
        flagged = select(ClaimEntry).where(
            ClaimEntry.claim_id == claim.id, ClaimEntry.step == Step.FLAG
        )
        entry = db.scalars(flagged.order_by(ClaimEntry.id.desc()).limit(1)).one()
        sent += tell(db, claim=claim, entry=entry, site=site, at=at)
    return {"to_review": sent} if sent else {}
