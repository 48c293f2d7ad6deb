"""When somebody of the zone last dealt with a lead: by a visit that was made, or a follow-up."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.followups.models import Followup
from crm.visits.models import Visit, VisitLead
from crm.visits.rules import Status


def last_contacts(db: Session, lead_ids: Collection[int]) -> dict[int, date]:
    """By lead, the date of the last contact, in two queries; the caller has seen to its rights."""
    visited = db.execute(
        select(VisitLead.lead_id, func.max(Visit.last_on))
        .join(Visit, Visit.id == VisitLead.visit_id)
        .where(VisitLead.lead_id.in_(lead_ids), Visit.status == Status.DONE)
        .group_by(VisitLead.lead_id)
    )
    last = dict(visited.all())
    followed = db.execute(
        select(Followup.lead_id, func.max(Followup.done_at))
        .where(Followup.lead_id.in_(lead_ids), Followup.done_at.is_not(None))
        .group_by(Followup.lead_id)
    )

    for lead_id, done_at in followed:
        if done_at:
            last[lead_id] = max(civil_date(done_at), last.get(lead_id, date.min))

    return last
