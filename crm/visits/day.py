"""The visits of *my day*: a person's own, those they enter for others, those that name them."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Row,
    Select,
    String,
    bindparam,
    cast,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.db import Instant
from crm.base.periods import DAY
from crm.base.remembered import recall
from crm.base.value_class import value_class
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.visits.lists import listed_on_page
from crm.visits.models import CompanionNotice, Visit, VisitParticipant
from crm.visits.permissions import earliest_start, ids_of, of_people, of_person
from crm.visits.redaction import SeenVisit
from crm.visits.rules import Status

AHEAD = 7 * DAY


class Section(StrEnum):
    """Where a visit stands on the page; it may stand in several sections."""

    UNSETTLED = "unsettled"
    TODAY = "today"
    UPCOMING = "upcoming"
    OF_OTHERS = "of_others"
    NAMED = "named"


@value_class
class Named:
    """A visit that names a companion, and who named them."""

    visit: SeenVisit
    by_name: str


@value_class
class DayVisits:
    """The visits of *my day* in order of time, without their words."""

    unsettled: list[SeenVisit]  # planned, and ended: to be set done, moved or cancelled
    todays: list[SeenVisit]  # cover the date, but cancelled ones; may be unsettled, too
    upcoming: list[SeenVisit]  # planned, and begin in the days after the date
    # of those for whom the person enters, on today or unsettled
    of_others: list[SeenVisit]
    named: list[Named]  # others named the person as a companion; the latest first

    def __len__(self) -> int:
        """How much it holds, as the memory counts it."""
        return len(self.changeable()) + len(self.named)

    def changeable(self) -> list[SeenVisit]:
        """The visits of the person and of those for whom they enter."""
        return [*self.unsettled, *self.todays, *self.upcoming, *self.of_others]


def day_visits(
    db: Session, viewer: Viewer, now: datetime, *, owner_ids: Sequence[int], named_since: datetime
) -> DayVisits:
    """All visits of the viewer's *my day*; `owner_ids`: for whom they enter on that date."""

    def read() -> tuple[DayVisits, datetime]:
        day = _read(db, viewer, now, owner_ids, named_since)
        return day, _until(day, now)

    memory = recall(db, now)
    if memory is None:
        return read()[0]
    return memory.find_or_read(
        *("day", viewer.person_id, viewer.role, tuple(owner_ids), named_since), read=read
    )


def _until(day: DayVisits, now: datetime) -> datetime:
    """The next moment at which time itself moves a visit to another section."""
    # what ends before midnight is among those of the date
    ends = (visit.ends_at for visit in day.changeable() if visit.status is Status.PLANNED)
    midnight = at_civil(civil_date(now) + DAY)
    return min([midnight, *(at for at in ends if at > now)])


def _read(
    db: Session, viewer: Viewer, now: datetime, owner_ids: Sequence[int], named_since: datetime
) -> DayVisits:
    on = civil_date(now)
    values = {
        "person_id": viewer.person_id,
        "owner_ids": owner_ids,
        "on": on,
        "earliest": earliest_start(on),
        "ahead": on + AHEAD,
        "now": now,
        "named_since": named_since,
    }
    places = db.execute(_places(for_others=bool(owner_ids)), values).all()
    visits = listed_on_page(db, viewer, sorted({place.visit_id for place in places}), on)
    in_time = sorted(visits, key=lambda visit: (visit.starts_at, visit.id))

    def of(section: Section) -> list[SeenVisit]:
        ids = {place.visit_id for place in places if place.section == section}
        return [visit for visit in in_time if visit.id in ids]

    return DayVisits(
        of(Section.UNSETTLED),
        of(Section.TODAY),
        of(Section.UPCOMING),
        of(Section.OF_OTHERS),
        _in_order_of_naming(places, visits),
    )


def _in_order_of_naming(
    places: Sequence[Row[*tuple[Any, ...]]], visits: Sequence[SeenVisit]
) -> list[Named]:
    by_id = {visit.id: visit for visit in visits}
    named = [place for place in places if place.section == Section.NAMED]
    named.sort(key=lambda place: (place.named_at, -place.visit_id), reverse=True)
    return [Named(by_id[place.visit_id], place.by_name) for place in named]


@cache
def _places(*, for_others: bool) -> CompoundSelect[int, str, str, datetime]:
    """Which visits stand in which sections; put together once, as that takes longest."""
    person_id: BindParameter[int] = bindparam("person_id")
    owner_ids: BindParameter[list[int]] = bindparam("owner_ids", expanding=True)
    on: BindParameter[date] = bindparam("on")
    # spelt out in the SQL: the index of planned visits alone serves no other value
    planned = bindparam("planned", Status.PLANNED, Visit.status.type, literal_execute=True)
    is_planned = Visit.status == planned
    is_unsettled = is_planned & (Visit.ends_at <= bindparam("now"))
    is_recent = (Visit.first_on > bindparam("earliest")) & (Visit.last_on >= on)
    is_today = is_recent & (Visit.first_on <= on) & (Visit.status != Status.CANCELLED)
    is_upcoming = is_planned & (Visit.first_on > on) & (Visit.first_on <= bindparam("ahead"))
    # of the visits of years, two sections need the latest alone
    lately = Visit.id.in_(ids_of(person_id, is_recent))

    sections = [
        _section(Section.UNSETTLED, of_person(person_id), is_unsettled),
        _section(Section.TODAY, lately, is_today),
        _section(Section.UPCOMING, lately, is_upcoming),
        _named(person_id),
    ]
    if for_others:
        theirs = of_people(owner_ids)
        sections.append(_section(Section.OF_OTHERS, theirs, or_(is_today, is_unsettled)))
    return union_all(*sections)


def _section(section: Section, *conditions: ColumnElement[bool]) -> Select[int, str, str, datetime]:
    return select(
        Visit.id.label("visit_id"),
        literal(section.value).label("section"),
        cast(null(), String).label("by_name"),
        cast(null(), Instant).label("named_at"),
    ).where(*conditions)


def _named(person_id: BindParameter[int]) -> Select[int, str, str, datetime]:
    """Visits that others named the person on since a moment."""
    columns = (Visit.id, literal(Section.NAMED.value), Person.name, CompanionNotice.named_at)
    return (
        select(*columns)
        .join(CompanionNotice, CompanionNotice.visit_id == Visit.id)
        # whoever has left the visit since has no such row
        .join(
            VisitParticipant,
            (VisitParticipant.visit_id == Visit.id)
            & (VisitParticipant.person_id == CompanionNotice.person_id),
        )
        .join(Person, Person.id == CompanionNotice.named_by_id)
        .where(
            CompanionNotice.person_id == person_id,
            CompanionNotice.named_at >= bindparam("named_since"),
            Visit.status != Status.CANCELLED,
        )
    )
