"""The writer's planned visits that a command of a quick entry means (ENTRY 1)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from crm.base.cities import cities
from crm.base.clock import civil_date
from crm.base.periods import DAY
from crm.visits.models import Visit, VisitParticipant
from crm.visits.queries import LOADED
from crm.visits.quick_dates import DateFound, dates_in
from crm.visits.quick_text import plain
from crm.visits.quick_words import kinds_in
from crm.visits.rules import Kind, Status

MOST = 10
_LATELY = timedelta(days=31)  # plans that were not finished since


def plans_meant(db: Session, what: str, person_id: int, now: datetime) -> Sequence[Visit]:
    """Planned visits of the person that fit the dates, the city and the kind in the words."""
    text, today = plain(what), civil_date(now)
    joins = exists().where(
        VisitParticipant.visit_id == Visit.id, VisitParticipant.person_id == person_id
    )
    query = select(Visit).where(
        Visit.status == Status.PLANNED,
        Visit.last_on >= today - _LATELY,
        or_(Visit.leader_id == person_id, joins),
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


def _range(found: DateFound) -> tuple[date, date]:
    first, last = found.first_on, found.last_on
    if first is None or last is None:  # no such day
        return date.max, date.min
    if found.is_assumed:  # 下周 is any day of it
        monday = first - first.weekday() * DAY
        return monday, monday + 6 * DAY
    return first, last
