"""Visits that a quick entry is about: plans that it names, stays on its dates (ENTRY 1)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from crm.base.cities import cities
from crm.base.clock import civil_date
from crm.base.periods import DAY
from crm.visits.models import Visit, VisitParticipant
from crm.visits.permissions import covering
from crm.visits.queries import LOADED
from crm.visits.quick_dates import DateFound, dates_in
from crm.visits.quick_hints import Stay
from crm.visits.quick_text import plain
from crm.visits.quick_words import kinds_in
from crm.visits.rules import Kind, Status, Verdict

MOST = 10
_LATELY = timedelta(days=31)  # plans that were not finished since


def plans_meant(db: Session, what: str, person_id: int, now: datetime) -> Sequence[Visit]:
    """Planned visits of the person that fit the dates, the city and the kind in the words."""
    text, today = plain(what), civil_date(now)
    query = select(Visit).where(
        Visit.status == Status.PLANNED, Visit.last_on >= today - _LATELY, _takes_part(person_id)
    )

    if dates := dates_in(text, today, is_ahead=True):
        first, last = _range(dates[0])
        query = query.where(Visit.first_on <= last, Visit.last_on >= first)
    if named := [city for city in cities() if city in text]:
        query = query.where(Visit.city.in_([*named, *(f"{city}市" for city in named)]))
    kinds = {found.kind for found in kinds_in(text)}
    if len(kinds) == 1 and kinds != {Kind.OUTREACH}:  # 去 and 看 are said of any kind
        query = query.where(Visit.kind.in_(kinds))

    query = query.options(*LOADED).order_by(Visit.first_on, Visit.id)
    return db.scalars(query.limit(MOST)).all()


def stays_on(db: Session, person_id: int, first: date, last: date) -> list[Stay]:
    """The person's stays on one of the dates; not those cancelled or rejected."""
    columns = (Visit.id, Visit.first_on, Visit.last_on, Visit.city, Visit.status)
    query = select(*columns).where(
        covering(first, last),
        Visit.kind == Kind.RESIDENCY,
        Visit.status != Status.CANCELLED,
        or_(Visit.verdict.is_(None), Visit.verdict != Verdict.REJECTED),
        _takes_part(person_id),
    )
    return [Stay(*row) for row in db.execute(query.order_by(Visit.first_on, Visit.id))]


def _takes_part(person_id: int) -> ColumnElement[bool]:
    joins = exists().where(
        VisitParticipant.visit_id == Visit.id, VisitParticipant.person_id == person_id
    )
    return or_(Visit.leader_id == person_id, joins)


def _range(found: DateFound) -> tuple[date, date]:
    first, last = found.first_on, found.last_on
    if first is None or last is None:  # no such day
        return date.max, date.min
    if found.is_assumed:  # 下周 is any day of it
        monday = first - first.weekday() * DAY
        return monday, monday + 6 * DAY
    return first, last
