"""Which visits of a period were the first meeting with a lead (REGIME 5)."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.db import batches
from crm.base.periods import Period
from crm.digests.queries import VisitFact
from crm.visits.models import Visit, VisitLead
from crm.visits.rules import Status


def first_meetings(
    db: Session, period: Period, visits: Iterable[VisitFact], at: datetime
) -> dict[int, frozenset[int]]:
    """By visit id, the leads that nobody had visited before; `visits` in order of time."""
    first_visit: dict[int, int] = {}  # by lead

    for visit in visits:
        if visit.status is Status.DONE and visit.facts.first_on in period:
            for lead_id in visit.lead_ids:
                first_visit.setdefault(lead_id, visit.facts.id)

    if not first_visit:
        return {}

    earlier = (
        select(VisitLead.lead_id)
        .join(Visit, Visit.id == VisitLead.visit_id)
        .where(Visit.status == Status.DONE, Visit.logged_at <= at, Visit.first_on < period.first)
        .distinct()
    )
    met_before: set[int] = set()
    for part in batches(sorted(first_visit)):
        met_before |= set(db.scalars(earlier.where(VisitLead.lead_id.in_(part))))

    first_leads: defaultdict[int, set[int]] = defaultdict(set)

    for lead_id, visit_id in first_visit.items():
        if lead_id not in met_before:
            first_leads[visit_id].add(lead_id)

    return {visit_id: frozenset(lead_ids) for visit_id, lead_ids in first_leads.items()}
