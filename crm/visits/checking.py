"""All that must hold of a visit before it is kept, or anything is asked about it (REGIME 3)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.people.permissions import Viewer
from crm.visits.fields import VisitData
from crm.visits.links import links_of
from crm.visits.models import Visit
from crm.visits.permissions import readable
from crm.visits.trips import check_trip
from crm.visits.validation import (
    check_city,
    check_leads,
    check_new_people,
    check_people,
    columns,
    require_own,
    require_same_people,
)


def check_visit(
    db: Session, data: VisitData, me: Viewer, now: datetime, was: Visit | None = None
) -> dict[str, object]:
    """The visit's columns, as it is entered or `was` is changed; refused as those two are."""
    on = civil_date(now)
    beside = links_of(db, was, me, on) if was else None

    if was and beside and not may_read(db, was, me, now):
        # DESIGN 8: to take part is to read, so only who reads says who takes part
        require_same_people(data, was.leader_id, beside.participant_ids)

    values = columns(data, now)
    check_city(data)
    check_people(db, data)
    require_own(db, data, me, on)
    known = beside.participant_ids | {was.leader_id} if was and beside else ()
    check_new_people(db, data, known, on)
    check_leads(db, frozenset(data.lead_ids) - (beside.lead_ids if beside else set()), me, on)
    if not was or values["trip"] != was.trip:
        check_trip(db, values["trip"], me, on)

    return values


def may_read(db: Session, visit: Visit, me: Viewer, now: datetime) -> bool:
    """Whether the words of the visit, which they may see, are theirs to read."""
    found = select(Visit.id).where(Visit.id == visit.id, readable(me, civil_date(now)))
    return db.scalar(found) is not None
