"""How many visits a list finds in each city."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

from sqlalchemy import Select, bindparam, func, select, union_all
from sqlalchemy.orm import Session

from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.leads.permissions import values_of
from crm.people.permissions import Viewer
from crm.visits.filters import (
    SINCE,
    VisitFilter,
    conditions,
    is_mine_since,
    led_and_joined,
    since_values,
)
from crm.visits.models import Visit
from crm.visits.rules import Status

# Counting reads every visit of the span: a month of a zone takes 50 ms, all years ten times that.
LONGEST_COUNTED = timedelta(days=92)

_STATES = select(Visit.city, Visit.status)


@value_class
class CitySums:
    """Visits by city, most first; cancelled ones are counted apart."""

    by_city: tuple[tuple[str, int], ...]
    total: int
    cancelled: int


def is_countable(by: VisitFilter, on: date) -> bool:
    """Whether the visits of the filter are few enough to be counted for a page."""
    if by.person_id or by.ids is not None:
        return True
    return by.first is not None and (by.last or on) - by.first <= LONGEST_COUNTED


def city_sums(db: Session, viewer: Viewer, on: date, *, by: VisitFilter) -> CitySums:
    """The sums of all cities, whichever of them the filter names; one query."""
    by = replace(by, city=None)
    values = values_of(viewer, on)

    if is_mine_since(viewer, by):
        query = _my_sums(has_first=by.first is not None)
        return sums_of(db.execute(query, values | since_values(by.first)))

    asked = _STATES.where(*conditions(db, viewer, on, by))
    if by.person_id:
        return sums_of(db.execute(_counted(*led_and_joined(asked, by.person_id)), values))
    if by.planned_until:  # the time itself changes them
        return sums_of(db.execute(_counted(asked), values))
    return remembered(
        *(db, "visits by city", viewer.person_id, viewer.role, on, by),
        read=lambda: sums_of(db.execute(_counted(asked), values)),
    )


@cache
def _my_sums(*, has_first: bool) -> Select[str, Status, int]:
    """What most visits of the list ask for, put together once."""
    asked = _STATES.where(SINCE) if has_first else _STATES
    return _counted(*led_and_joined(asked, bindparam("viewer_id")))


def _counted(*queries: Select[str, Status]) -> Select[str, Status, int]:
    found = union_all(*queries).subquery()
    return select(found.c.city, found.c.status, func.count()).group_by(found.c.city, found.c.status)


def sums_of(rows: Iterable[tuple[str, Status, int]]) -> CitySums:
    """The sums of counted visits: their city, status and number."""
    by_city: Counter[str] = Counter()
    cancelled = 0
    for city, status, count in rows:
        if status is Status.CANCELLED:
            cancelled += count
        else:
            by_city[city] += count

    return CitySums(tuple(by_city.most_common()), by_city.total(), cancelled)
