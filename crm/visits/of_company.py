"""The visits of a company, by those of its leads that the viewer may see (PROJECTS 1)."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.people.permissions import Viewer
from crm.visits.lists import shown_with_words
from crm.visits.models import Visit, VisitLead
from crm.visits.redaction import SeenVisit

MOST_VISITS = 8  # the list of visits has them all


def visits_of_leads(
    db: Session, viewer: Viewer, lead_ids: Collection[int], on: date
) -> list[SeenVisit]:
    """The latest visits of these leads, all of which the viewer may see."""
    if not lead_ids:
        return []
    linked = select(VisitLead.visit_id).where(VisitLead.lead_id.in_(lead_ids))
    query = select(Visit).where(Visit.id.in_(linked))
    latest = query.order_by(Visit.first_on.desc(), Visit.id.desc()).limit(MOST_VISITS)
    return shown_with_words(db, viewer, latest, on)
