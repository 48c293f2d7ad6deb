"""Which of the records that name a contact a viewer may see (REGIME 2)."""

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.followups.models import Followup
from crm.leads.models import Lead
from crm.leads.permissions import visible as visible_leads
from crm.people.permissions import Viewer
from crm.visits.models import Visit
from crm.visits.permissions import readable


def visible_ids(
    db: Session,
    viewer: Viewer,
    on: date,
    *,
    lead_ids: Collection[int],
    visit_ids: Collection[int],
) -> dict[type[Any], frozenset[int]]:
    """By table, the ids of these leads, of their follow-ups, and of the visits that may be read."""
    leads = select(Lead.id).where(Lead.id.in_(lead_ids), visible_leads(viewer, on))
    seen = frozenset(db.scalars(leads))
    visits = select(Visit.id).where(Visit.id.in_(visit_ids), readable(viewer, on))
    followups = select(Followup.id).where(Followup.lead_id.in_(seen))
    return {
        Lead: seen,
        Visit: frozenset(db.scalars(visits)),
        Followup: frozenset(db.scalars(followups)),
    }
