"""The visits of *my day*: a person's own, those they enter for others, those that name them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    ColumnElement,
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

from crm.base.db import Instant
from crm.base.periods import DAY
from crm.people.entry_grants import owners_of
from crm.people.models import Person
from crm.visits.models import CompanionNotice, Visit, VisitParticipant
from crm.visits.permissions import covering, ids_since, of_people, of_person
from crm.visits.queries import IN_TIME, LOADED
from crm.visits.rules import Status

AHEAD = 7 * DAY


class Section(StrEnum):
    """Where a visit stands on the page; it may stand in several sections."""

    UNSETTLED = "unsettled"
    TODAY = "today"
    UPCOMING = "upcoming"
    OF_OTHERS = "of_others"
    NAMED = "named"


@dataclass(frozen=True, slots=True)
class Named:
    """A visit that names a companion, and who named them."""

    visit: Visit
    by_name: str


@dataclass(frozen=True, slots=True)
class DayVisits:
    """The visits of *my day* in order of time, loaded for `shown`."""

    unsettled: list[Visit]  # planned, and ended: to be set done, moved or cancelled
    todays: list[Visit]  # cover the date, but cancelled ones; may be unsettled, too
    upcoming: list[Visit]  # planned, and begin in the days after the date
    # of those for whom the person enters, on today or unsettled
    of_others: list[Visit]
    named: list[Named]  # others named the person as a companion; the latest first

    def changeable(self) -> list[Visit]:
        """The visits of the person and of those for whom they enter."""
        return [*self.unsettled, *self.todays, *self.upcoming, *self.of_others]

    def all(self) -> list[Visit]:
        """Every visit of every section."""
        return [*self.changeable(), *(named.visit for named in self.named)]


def day_visits(
    db: Session, person_id: int, on: date, now: datetime, *, named_since: datetime
) -> DayVisits:
    """All visits of the person's *my day*, read at once."""
    sections = union_all(
        *_sections(person_id, on, now), _named(person_id, since=named_since)
    ).subquery()
    columns = (sections.c.section, sections.c.by_name, sections.c.named_at)
    query = select(Visit, *columns).join(sections, sections.c.visit_id == Visit.id)
    found: defaultdict[Section, list[Visit]] = defaultdict(list)
    named = []

    for visit, section, by_name, named_at in db.execute(query.options(*LOADED).order_by(*IN_TIME)):
        found[Section(section)].append(visit)
        if section == Section.NAMED:
            named.append((named_at, Named(visit, by_name)))

    named.sort(key=lambda entry: (entry[0], -entry[1].visit.id), reverse=True)
    return DayVisits(
        found[Section.UNSETTLED],
        found[Section.TODAY],
        found[Section.UPCOMING],
        found[Section.OF_OTHERS],
        [entry for _, entry in named],
    )


def _sections(person_id: int, on: date, now: datetime) -> list[Select[int, str, str, datetime]]:
    # spelt out in the SQL: the index of planned visits alone serves no other value
    planned = bindparam("planned", Status.PLANNED, Visit.status.type, literal_execute=True)
    is_planned = Visit.status == planned
    is_unsettled = is_planned & (Visit.ends_at <= now)
    is_today = covering(on, on) & (Visit.status != Status.CANCELLED)
    is_upcoming = is_planned & (Visit.first_on > on) & (Visit.first_on <= on + AHEAD)

    own = of_person(person_id)
    # of the visits of years, two sections need the latest alone
    lately = Visit.id.in_(ids_since(person_id, on))
    theirs = of_people(owners_of(person_id, on))

    return [
        _section(Section.UNSETTLED, own, is_unsettled),
        _section(Section.TODAY, lately, is_today),
        _section(Section.UPCOMING, lately, is_upcoming),
        _section(Section.OF_OTHERS, theirs, or_(is_today, is_unsettled)),
    ]


def _section(section: Section, *conditions: ColumnElement[bool]) -> Select[int, str, str, datetime]:
    return select(
        Visit.id.label("visit_id"),
        literal(section.value).label("section"),
        cast(null(), String).label("by_name"),
        cast(null(), Instant).label("named_at"),
    ).where(*conditions)


def _named(person_id: int, *, since: datetime) -> Select[int, str, str, datetime]:
    """Visits that others named the person on since then."""
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
            CompanionNotice.named_at >= since,
            Visit.status != Status.CANCELLED,
        )
    )
