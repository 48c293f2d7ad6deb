"""The visits that a calendar shows, of one person or of many (ENTRY 4)."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.people.permissions import Viewer
from crm.visits.lists import listed_on_page
from crm.visits.models import Visit
from crm.visits.permissions import changeable, covering, joined_by, visible
from crm.visits.redaction import SeenVisit
from crm.visits.rules import Status

MOST = 400  # of a month of a large unit, which is narrowed down then


def visits_between(  # noqa: PLR0913, PLR0917 - whose, from when to when, before whom
    db: Session, viewer: Viewer, people: Collection[int], first: date, last: date, on: date
) -> list[SeenVisit]:
    """The visits of these people in the span that the viewer may see, in order of time."""
    query = select(Visit.id).where(
        covering(first, last),
        Visit.status != Status.CANCELLED,
        (Visit.leader_id.in_(people)) | joined_by(people),
        visible(viewer, on),
    )
    ids = db.scalars(query.order_by(Visit.starts_at, Visit.id).limit(MOST)).all()
    return listed_on_page(db, viewer, ids, on)


def movable_ids(db: Session, viewer: Viewer, visits: Collection[SeenVisit], on: date) -> set[int]:
    """Of these visits, the planned ones that the viewer may move."""
    planned = [visit.id for visit in visits if visit.status is Status.PLANNED]
    if not planned:
        return set()
    query = select(Visit.id).where(Visit.id.in_(planned), changeable(viewer, on))
    return set(db.scalars(query))
