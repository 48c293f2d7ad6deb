"""Trips (批次): the journeys of visits, whose details may follow later (REGIME 3)."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Select, exists, func, or_, select, union
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.base.db import insert_into
from crm.base.errors import Refused
from crm.base.paging import Page, page_of
from crm.base.value_class import value_class
from crm.people.models import Person, Posting
from crm.people.permissions import Viewer, people_in, viewer
from crm.people.rules import WITH_RECORDS, Role
from crm.visits.models import Trip, Visit
from crm.visits.permissions import covering, ids_since
from crm.visits.permissions import visible as visible_visits
from crm.visits.rules import Status

LATELY = timedelta(days=60)  # how long a form goes on offering a trip
MOST_OFFERED = 8  # bounds the choices of a form


@value_class
class TripData:
    """A trip's details; each may be left open."""

    destination: str | None
    first_on: date | None
    last_on: date | None
    approval: str | None


class TripNamed(NamedTuple):
    """The trip that a visit names, if any, with whose visit it is."""

    trip: str | None
    leader_id: int
    entered_by_id: int | None


def begin_trips(db: Session, visits: Iterable[Visit | TripNamed], *, now: datetime) -> None:
    """Create the trips that the visits name and that do not exist, as their first visit's."""
    rows: dict[str, dict[str, object]] = {}
    for visit in visits:
        if visit.trip:
            own = {"leader_id": visit.leader_id, "entered_by_id": visit.entered_by_id}
            # of several visits the first one is whose trip it is
            rows.setdefault(visit.trip, {"ref": visit.trip, "entered_at": now, **own})
    if rows:
        # in one order, so that two imports at once do not block each other
        begun = [rows[ref] for ref in sorted(rows)]
        db.execute(insert_into(db, Trip).on_conflict_do_nothing(index_elements=["ref"]), begun)


def check_trip(db: Session, ref: object, viewer: Viewer, on: date) -> None:
    """Refuse to name a trip that is there and of which the viewer sees nothing (`other_trip`)."""
    trip = db.scalar(select(Trip).where(Trip.ref == ref)) if ref else None
    if trip is None or viewer.person_id in (trip.leader_id, trip.entered_by_id):
        return
    if trip_of(db, viewer, trip.id, on) is None:
        raise Refused("other_trip", field="trip")


def describe_trip(db: Session, *, trip: Trip, data: TripData, by: Person, now: datetime) -> Trip:
    """Add or correct a trip's details; refused as `not_yours`, `last_day_before_first`."""
    on = civil_date(now)
    if not may_change(db, viewer(db, by, on), trip, on):
        raise Refused("not_yours")
    if data.first_on and data.last_on and data.last_on < data.first_on:
        raise Refused("last_day_before_first", field="last_on")
    before, after = changes(trip, asdict(data))
    if after:
        record(db, "trip.changed", trip, by=by, at=now, before=before, after=after)
    return trip


def visible_to(viewer: Viewer, on: date) -> Select[Trip]:
    """The trips of which the viewer may see a visit."""
    seen = exists().where(Visit.trip == Trip.ref, visible_visits(viewer, on))
    return select(Trip).where(seen)


def trips_page(db: Session, viewer: Viewer, on: date, *, cursor: str | None = None) -> Page[Trip]:
    """A page of the trips of which the viewer may see a visit, the latest entered first."""
    query = visible_to(viewer, on)
    return page_of(db, query, on=Trip.entered_at, row_id=Trip.id, cursor=cursor)


def may_change(db: Session, viewer: Viewer, trip: Trip, on: date) -> bool:
    """Whether the trip is the viewer's, as leader or by entering it, or of their scope.

    Whoever names it later in a visit of theirs gains no right to it.
    """
    if viewer.role not in WITH_RECORDS:
        return False
    if viewer.person_id in (trip.leader_id, trip.entered_by_id) or viewer.role is Role.ADMIN:
        return True
    in_scope = people_in(viewer.unit_ids, on).where(Posting.person_id == trip.leader_id)
    return viewer.judges and db.scalar(in_scope.limit(1)) is not None


def trip_of(db: Session, viewer: Viewer, trip_id: int, on: date) -> Trip | None:
    """The trip, where the viewer may see one of its visits; none: 404."""
    return db.scalar(visible_to(viewer, on).where(Trip.id == trip_id))


def trip_id_of(db: Session, ref: str | None) -> int | None:
    """The id of the trip of that reference."""
    return db.scalar(select(Trip.id).where(Trip.ref == ref)) if ref else None


def count_visits(
    db: Session, viewer: Viewer, trips: Sequence[Trip], on: date
) -> dict[str, tuple[int, int]]:
    """By the trip's reference: its visits that the viewer sees, and those beyond its days."""
    # unknown, and so not counted, where the trip has no days yet
    beyond = or_(Visit.first_on < Trip.first_on, Visit.last_on > Trip.last_on)
    rows = db.execute(
        select(Trip.ref, func.count(), func.count().filter(beyond))
        .join(Visit, Visit.trip == Trip.ref)
        .where(Trip.id.in_([trip.id for trip in trips]), Visit.status != Status.CANCELLED)
        .where(visible_visits(viewer, on))
        .group_by(Trip.ref)
    )
    return {ref: (made, outside) for ref, made, outside in rows}


def offered(db: Session, viewer: Viewer, on: date) -> Sequence[str]:
    """The trips of the viewer's recent visits, the latest first, for a form's choices."""
    since = on - LATELY
    is_entered = Visit.entered_by_id == viewer.person_id
    entered = select(Visit.id).where(is_entered, Visit.trip.is_not(None), covering(since, None))
    # each part has an index of its own; an OR would read the recent visits of everyone
    mine = union(ids_since(viewer.person_id, since).subquery().select(), entered).subquery()

    query = select(Visit.trip).join(mine, mine.c.id == Visit.id).where(Visit.trip.is_not(None))
    query = query.group_by(Visit.trip).order_by(func.max(Visit.first_on).desc())
    return [ref for ref in db.scalars(query.limit(MOST_OFFERED)) if ref]
