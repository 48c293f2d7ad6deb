"""How many trips (批次) and companies (家次) visits come to, as reports count them (REGIME 3)."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased

from crm.base.value_class import value_class
from crm.leads.permissions import values_of
from crm.people.permissions import Viewer
from crm.visits.filters import VisitFilter, conditions
from crm.visits.models import Visit, VisitCompany
from crm.visits.permissions import of_person
from crm.visits.rules import Status


@value_class
class Reach:
    """Trips and companies of done visits."""

    trips: int
    companies: int


class DoneVisits(NamedTuple):
    """Done visits of one trip, or of none."""

    trip: str | None
    trip_began_on: date | None  # the first date of its first done visit
    visits: int
    companies: int  # one for each company and visit


def reach_of(rows: Iterable[DoneVisits], first: date | None, last: date | None) -> Reach:
    """What visits that begin in the span come to.

    A trip counts where its first done visit begins in the span; a visit without one is its own.
    """
    trips: set[str] = set()
    alone = companies = 0

    for row in rows:
        companies += row.companies
        if row.trip is None:
            alone += row.visits
        elif row.trip_began_on and (first or date.min) <= row.trip_began_on <= (last or date.max):
            trips.add(row.trip)

    return Reach(len(trips) + alone, companies)


def reach_of_list(db: Session, viewer: Viewer, on: date, *, by: VisitFilter) -> Reach:
    """What the done visits of a list come to that begin in its span."""
    asked = [*conditions(db, viewer, on, by), *_begun_in(by.first, by.last)]
    if by.person_id:
        asked.append(of_person(by.person_id))

    done = _done(Visit.status == Status.DONE, *asked).subquery()
    query = select(
        done.c.trip,
        done.c.trip_began_on,
        func.count(),
        func.coalesce(func.sum(done.c.companies), 0),
    ).group_by(done.c.trip, done.c.trip_began_on)
    rows = db.execute(query, values_of(viewer, on))

    return reach_of((DoneVisits(*row) for row in rows), by.first, by.last)


def done_visits(db: Session, first: date, last: date, at: datetime) -> dict[int, DoneVisits]:
    """By id the visits that begin in the span and were done at the moment."""
    query = _done(*_done_at(Visit, at), *_begun_in(first, last), at=at)
    return {
        row.id: DoneVisits(row.trip, row.trip_began_on, 1, row.companies)
        for row in db.execute(query)
    }


def _done(
    *asked: ColumnElement[bool], at: datetime | None = None
) -> Select[int, str | None, date, int]:
    """The visits asked for, with what `DoneVisits` holds."""
    other = aliased(Visit)
    was_done: Collection[ColumnElement[bool]] = (other.status == Status.DONE,)
    if at:
        was_done = _done_at(other, at)
    began_on = select(func.min(other.first_on)).where(other.trip == Visit.trip, *was_done)
    met = select(func.count()).where(
        VisitCompany.visit_id == Visit.id,
        VisitCompany.company_id.is_not(None) | VisitCompany.name.is_not(None),
    )
    return select(
        Visit.id,
        Visit.trip,
        began_on.correlate(Visit).scalar_subquery().label("trip_began_on"),
        met.correlate(Visit).scalar_subquery().label("companies"),
    ).where(*asked)


def _done_at(visit: type[Visit], at: datetime) -> tuple[ColumnElement[bool], ...]:
    return visit.status == Status.DONE, visit.logged_at <= at, visit.entered_at <= at


def _begun_in(first: date | None, last: date | None) -> list[ColumnElement[bool]]:
    found = [Visit.first_on >= first] if first else []
    return [*found, Visit.first_on <= last] if last else found
