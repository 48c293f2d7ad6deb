"""Which visits were the first to a lead: visits of note in a digest (REGIME 5)."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.periods import Period
from crm.quotas.rules import VisitFacts
from crm.visits.models import Visit, VisitLead
from crm.visits.rules import Status


class Made(Protocol):
    """A visit with its leads."""

    @property
    def facts(self) -> VisitFacts:
        """What is known of it."""

    @property
    def status(self) -> Status:
        """As known at the moment."""

    @property
    def lead_ids(self) -> tuple[int, ...]:
        """What it concerns."""


def first_meetings(
    db: Session, period: Period, visits: Iterable[Made], at: datetime
) -> dict[int, frozenset[int]]:
    """By visit of the period, those of its leads to which none had been made before."""
    first: dict[int, int] = {}

    for visit in visits:  # in the order in which they began
        if visit.status is Status.DONE and visit.facts.first_on in period:
            for lead_id in visit.lead_ids:
                first.setdefault(lead_id, visit.facts.id)

    if not first:
        return {}

    known = set(
        db.scalars(
            select(VisitLead.lead_id)
            .join(Visit, Visit.id == VisitLead.visit_id)
            .where(
                VisitLead.lead_id.in_(first),
                Visit.status == Status.DONE,
                Visit.logged_at <= at,
                Visit.first_on < period.first,
            )
            .distinct()
        )
    )
    made: defaultdict[int, set[int]] = defaultdict(set)

    for lead_id, visit_id in first.items():
        if lead_id not in known:
            made[visit_id].add(lead_id)

    return {visit_id: frozenset(lead_ids) for visit_id, lead_ids in made.items()}
