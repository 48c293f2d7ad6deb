"""What the pages of changes of many leads read."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from crm.base.db import batches
from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.bulk_changes.models import BulkChange
from crm.bulk_changes.rules import MOST_LEADS, UNDO_WITHIN, BulkKind
from crm.leads.lists import ListedLead, listed_leads
from crm.leads.models import Lead
from crm.leads.permissions import visible
from crm.leads.queries import LeadFilter, filtered
from crm.people.permissions import Viewer

_LATEST = (
    select(BulkChange.id, BulkChange.kind, BulkChange.count, BulkChange.made_at)
    .where(BulkChange.made_by_id == bindparam("by"), BulkChange.undone_at.is_(None))
    .order_by(BulkChange.id.desc())
    .limit(1)
)


@value_class
class LatestChange:
    """A person's latest change of many leads that was not taken back."""

    id: int
    kind: BulkKind
    count: int
    made_at: datetime


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


def undoable(db: Session, person_id: int, now: datetime) -> LatestChange | None:
    """The person's latest change, where it may still be taken back."""
    latest: tuple[LatestChange, ...] = remembered(
        *(db, "latest change of many", person_id),
        read=lambda: tuple(LatestChange(*row) for row in db.execute(_LATEST, {"by": person_id})),
    )
    return next((change for change in latest if change.made_at >= now - UNDO_WITHIN), None)
