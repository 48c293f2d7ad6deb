"""What the pages of changes of many leads read."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.db import batches
from crm.bulk_changes.models import BulkChange
from crm.bulk_changes.rules import MOST_LEADS, UNDO_WITHIN
from crm.leads.lists import ListedLead, listed_leads
from crm.leads.models import Lead
from crm.leads.permissions import visible
from crm.leads.queries import LeadFilter, filtered
from crm.people.permissions import Viewer


def selected_leads(
    db: Session, viewer: Viewer, lead_ids: Sequence[int], on: date
) -> list[ListedLead]:
    """Of these leads those that the viewer may see, in this order, as a list shows them."""
    seen: set[int] = set()
    for part in batches(lead_ids):
        query = select(Lead.id).where(Lead.id.in_(part), visible(viewer, on))
        seen.update(db.scalars(query))
    return listed_leads(db, [lead_id for lead_id in lead_ids if lead_id in seen], on)


def matching_ids(db: Session, viewer: Viewer, on: date, by: LeadFilter) -> list[int]:
    """The leads of the filter, the latest entered first; one more than is changed at once."""
    query = filtered(db, viewer, on, by).with_only_columns(Lead.id)
    latest = query.order_by(Lead.entered_on.desc(), Lead.id.desc())
    return list(db.scalars(latest.limit(MOST_LEADS + 1)))


def undoable(db: Session, person_id: int, now: datetime) -> BulkChange | None:
    """The person's latest change, where it may still be taken back."""
    query = select(BulkChange).where(
        BulkChange.made_by_id == person_id,
        BulkChange.made_at >= now - UNDO_WITHIN,
        BulkChange.undone_at.is_(None),
    )
    return db.scalar(query.order_by(BulkChange.id.desc()).limit(1))
