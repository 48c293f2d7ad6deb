"""What digests read of visits: what was noteworthy in a span, and what is planned (REGIME 5)."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.leads.queries import visible as visible_leads
from crm.leads.results import major
from crm.people.queries import Viewer
from crm.visits.models import Visit
from crm.visits.queries import LOADED
from crm.visits.rules import Status
from crm.visits.scope import covering, in_scope, of_leads, of_person, readable, visible
from crm.visits.seen import SeenVisit, shown


def planned_at(as_of: datetime) -> ColumnElement[bool]:
    """Visits that at that moment were entered and still planned (REGIME 4, as of T)."""
    return (
        (Visit.entered_at <= as_of)
        & (Visit.status != Status.CANCELLED)
        & or_(Visit.status == Status.PLANNED, Visit.logged_at > as_of, Visit.ends_at > as_of)
    )


def planned_of(
    db: Session, person_id: int, first: date, last: date, *, as_of: datetime
) -> Sequence[Visit]:
    """The person's planned visits that cover a date of the span, in order of time."""
    query = select(Visit).where(of_person(person_id), planned_at(as_of), covering(first, last))
    return _in_time(db, query)


def planned_in_scope(
    db: Session, viewer: Viewer, first: date, last: date, *, as_of: datetime
) -> list[SeenVisit]:
    """The planned visits of the viewer's units that cover a date of the span, in order of time."""
    on = civil_date(as_of)
    query = select(Visit).where(
        visible(viewer, on), in_scope(viewer, on), planned_at(as_of), covering(first, last)
    )
    return shown(db, viewer, _in_time(db, query), on)


def of_note(  # noqa: PLR0913 - a span, a moment and a bound
    db: Session, viewer: Viewer, first: date, last: date, *, as_of: datetime, most: int = 20
) -> list[SeenVisit]:
    """Visits of the viewer's units done in the span, with minutes or of a major lead.

    Only visits whose words the viewer may read.
    """
    on = civil_date(as_of)
    is_major = of_leads(major() & visible_leads(viewer, on))
    query = select(Visit).where(
        visible(viewer, on),
        in_scope(viewer, on),
        readable(viewer, on),
        Visit.status == Status.DONE,
        Visit.logged_at <= as_of,
        Visit.last_on.between(first, last),
        or_(Visit.minutes.is_not(None), is_major),
    )
    return shown(db, viewer, _in_time(db, query.limit(most)), on)


def _in_time(db: Session, query: Select[Visit]) -> Sequence[Visit]:
    return db.scalars(query.options(*LOADED).order_by(Visit.starts_at, Visit.id)).all()
