"""The facts of a period that judging needs, as plain values and each in one query."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, replace
from datetime import date, datetime
from functools import cache
from typing import Any, TypeGuard

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Integer,
    Row,
    Select,
    bindparam,
    func,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from crm.base.periods import Period
from crm.base.remembered import remembered_long
from crm.base.value_class import value_class
from crm.base.workdays import Source, Workday, WorkingCalendar
from crm.people.models import Absence, Person, Posting, Unit
from crm.people.rules import AbsenceStatus, Duty
from crm.quotas.date_bits import DateBits, bits_between
from crm.quotas.models import WorkdayOverride
from crm.quotas.rules import Figure, VisitFacts
from crm.visits.links import participants_of
from crm.visits.models import Visit, VisitParticipant
from crm.visits.permissions import covering, earliest_start

MOST_LISTED = 500  # people that a statement names
# Columns of tables, as loading attributes of classes costs more than reading the rows.
PERSON, UNIT, POSTING = (table.__table__.c for table in (Person, Unit, Posting))
ABSENCE, JOINED = Absence.__table__.c, VisitParticipant.__table__.c
VISITED = Visit.__table__.c
VISIT = [VISITED[field.name] for field in fields(VisitFacts)]


def working_calendar(db: Session) -> WorkingCalendar:
    """The working calendar with the zone's overrides and imported years."""

    def read() -> WorkingCalendar:
        columns = (WorkdayOverride.on, WorkdayOverride.is_workday, WorkdayOverride.source)
        by_hand_last = WorkdayOverride.source == Source.OVERRIDE  # REGIME 4: it goes first
        rows = db.execute(select(*columns).order_by(by_hand_last))
        return WorkingCalendar({on: Workday(is_workday, source) for on, is_workday, source in rows})

    return remembered_long(db, "working calendar", read=read)


@value_class
class Place:
    """A person in a unit."""

    person_id: int
    username: str
    name: str
    unit_id: int
    unit_code: str
    unit_name: str


@value_class
class PersonFigure(Place):
    """A figure with the person whose it is and the unit under which it stands."""

    figure: Figure


@value_class
class Holding:
    """On which dates of a period a person holds a duty, and where; in the order of the dates."""

    held: DateBits
    places: tuple[tuple[DateBits, Place], ...]

    def place(self, begun: DateBits) -> Place:
        """The place on the last date held up to today, else on the first date held."""
        # REGIME 4: the figure stands under one unit and is never split
        first = self.places[0][1]
        return next((place for bits, place in reversed(self.places) if bits & begun), first)


def holdings(
    db: Session,
    period: Period,
    duties: Collection[Duty],
    person_ids: Collection[int] | None,
) -> dict[tuple[int, Duty], Holding]:
    """By person and duty, the dates of the period on which the primary posting has that duty."""
    return remembered_long(
        *(db, "holdings", period, frozenset(duties), _key(person_ids)),
        read=lambda: _read_holdings(db, period, duties, person_ids),
    )


def _read_holdings(
    db: Session,
    period: Period,
    duties: Collection[Duty],
    person_ids: Collection[int] | None,
) -> dict[tuple[int, Duty], Holding]:
    rows = db.execute(
        _holdings(listed=is_listed(person_ids)), {"duties": duties, **_values(period, person_ids)}
    )
    held: dict[tuple[int, Duty], Holding] = {}

    for row in rows:
        here = Place(*row[:6])
        _, duty, from_on, to_on = row[5:]
        key, bits = (here.person_id, duty), bits_between(period, from_on, to_on)
        # REGIME 2: primary postings never overlap, so each date has one place
        before = held.get(key)
        held[key] = (
            Holding(before.held | bits, (*before.places, (bits, here)))
            if before
            else Holding(bits, ((bits, here),))
        )

    return held


def absences(
    db: Session, period: Period, person_ids: Collection[int] | None
) -> Mapping[int, DateBits]:
    """By person, the dates of the period under an approved absence; they may overlap."""
    return remembered_long(
        *(db, "absences", period, _key(person_ids)),
        read=lambda: _read_absences(db, period, person_ids),
    )


def _read_absences(
    db: Session, period: Period, person_ids: Collection[int] | None
) -> dict[int, DateBits]:
    rows = db.execute(_absences(listed=is_listed(person_ids)), _values(period, person_ids))
    absent: defaultdict[int, DateBits] = defaultdict(int)
    for person_id, from_on, to_on in rows:
        absent[person_id] |= bits_between(period, from_on, to_on)

    return dict(absent)


def visits_by_person(
    db: Session, period: Period, person_ids: Collection[int] | None
) -> defaultdict[int, list[VisitFacts]]:
    """By person, the visits covering the period that they led or joined (each once)."""
    if person_ids is not None and len(person_ids) == 1:
        [person_id] = person_ids
        values = _values(period, None) | {"person_id": person_id}
        rows = db.execute(_of_one(), values).all()
        return defaultdict(list, {person_id: [VisitFacts(*row) for row in rows]} if rows else {})

    values, listed = _values(period, person_ids), is_listed(person_ids)
    joined = db.execute(_participants(listed=listed), values).all()
    visits = [VisitFacts(*row) for row in db.execute(_visits(listed=listed), values).all()]
    return _by_person(visits, joined)


def named_visits_by_person(
    db: Session, period: Period, person_ids: Collection[int] | None, visit_ids: Collection[int]
) -> defaultdict[int, list[VisitFacts]]:
    """The same of these visits alone; of no more than `MOST_LISTED`."""
    values = _values(period, person_ids) | {"visits": visit_ids}
    joined = db.execute(_NAMED_PARTICIPANTS, values).all()
    visits = [VisitFacts(*row) for row in db.execute(_NAMED_VISITS, values).all()]
    if is_listed(person_ids):
        joined = [row for row in joined if row.person_id in person_ids]
        theirs = {row.visit_id for row in joined}
        visits = [each for each in visits if each.id in theirs or each.leader_id in person_ids]
    return _by_person(visits, joined)


def _by_person(
    visits: Iterable[VisitFacts], joined: Iterable[Row[int, int, int]]
) -> defaultdict[int, list[VisitFacts]]:
    by_person: defaultdict[int, list[VisitFacts]] = defaultdict(list)
    # the facts carry the lateness of the leader; companions have their own
    for visit in visits:
        by_person[visit.leader_id].append(visit)

    by_id = {visit.id: visit for visit in visits}
    for visit_id, person_id, late_by_days in joined:
        found = by_id.get(visit_id)  # none: moved away between the two reads
        # a row beside the lead says nothing of its own
        if found and found.leader_id != person_id:
            if found.late_by_days != late_by_days:
                found = replace(found, late_by_days=late_by_days)
            by_person[person_id].append(found)

    return by_person


# Statements are put together once, for few people and for everybody: that takes as long as to read
# a person's month.
_FIRST: BindParameter[date] = bindparam("first")
_LAST: BindParameter[date] = bindparam("last")
_PEOPLE: BindParameter[list[int]] = bindparam("people", expanding=True)
_COVERS = (
    (VISITED.first_on <= _LAST)
    & (VISITED.first_on > bindparam("earliest"))
    & (VISITED.last_on >= _FIRST)
)


def _values(period: Period, person_ids: Collection[int] | None) -> dict[str, object]:
    """The values of the statements below."""
    return {
        "first": period.first,
        "last": period.last,
        "earliest": earliest_start(period.first),
        "people": person_ids if is_listed(person_ids) else [],
    }


@cache
def _holdings(*, listed: bool) -> Select[*tuple[Any, ...]]:
    return (
        select(
            *(PERSON.id, PERSON.username, PERSON.name, UNIT.id, UNIT.code, UNIT.name),
            *(POSTING.duty, POSTING.from_on, POSTING.to_on),
        )
        .where(POSTING.person_id == PERSON.id, POSTING.unit_id == UNIT.id)
        .where(
            POSTING.is_primary,
            POSTING.duty.in_(bindparam("duties", expanding=True)),
            POSTING.from_on <= _LAST,
            or_(POSTING.to_on.is_(None), POSTING.to_on >= _FIRST),
            POSTING.person_id.in_(_PEOPLE) if listed else true(),
        )
        .order_by(POSTING.from_on)
    )


@cache
def _absences(*, listed: bool) -> Select[int, date, date]:
    return select(ABSENCE.person_id, ABSENCE.from_on, ABSENCE.to_on).where(
        ABSENCE.status == AbsenceStatus.APPROVED,
        ABSENCE.from_on <= _LAST,
        ABSENCE.to_on >= _FIRST,
        ABSENCE.person_id.in_(_PEOPLE) if listed else true(),
    )


@cache
def _participants(*, listed: bool) -> Select[int, int, int]:
    return select(JOINED.visit_id, JOINED.person_id, JOINED.late_by_days).where(
        VISITED.id == JOINED.visit_id,
        _COVERS,
        JOINED.person_id.in_(_PEOPLE) if listed else true(),
    )


_NAMED: BindParameter[list[int]] = bindparam("visits", expanding=True)
_NAMED_PARTICIPANTS = select(JOINED.visit_id, JOINED.person_id, JOINED.late_by_days).where(
    VISITED.id == JOINED.visit_id, _COVERS, JOINED.visit_id.in_(_NAMED)
)
_NAMED_VISITS = select(*VISIT).where(_COVERS, VISITED.id.in_(_NAMED))


@cache
def _visits(*, listed: bool) -> Select[*tuple[Any, ...]]:
    query = select(*VISIT).where(_COVERS)
    if not listed:
        return query
    # by their two indexes, as few people have few visits
    joined = select(JOINED.visit_id).where(JOINED.person_id.in_(_PEOPLE))
    return query.where(or_(VISITED.leader_id.in_(_PEOPLE), VISITED.id.in_(joined)))


@cache
def _of_one() -> CompoundSelect[*tuple[Any, ...]]:
    """The facts of visits as they stand to one person, each with the lateness that is theirs."""
    of_person = bindparam("person_id", type_=Integer)
    own = [JOINED.late_by_days if column.name == "late_by_days" else column for column in VISIT]
    joined = VisitParticipant.__table__.join(Visit.__table__)
    return union_all(
        select(*VISIT).where(_COVERS, VISITED.leader_id == of_person),
        # a row beside the lead says nothing of its own
        select(*own)
        .select_from(joined)
        .where(_COVERS, JOINED.person_id == of_person, VISITED.leader_id != of_person),
    )


def facts_for(db: Session, visit: Visit, person_id: int) -> VisitFacts | None:
    """The visit as it stands to that person; None where they neither lead nor join it."""
    found = VisitFacts(*(getattr(visit, field.name) for field in fields(VisitFacts)))
    if visit.leader_id == person_id:
        return found
    late_by_days = participants_of(db, visit.id).get(person_id)
    return None if late_by_days is None else replace(found, late_by_days=late_by_days)


def late_by_duty(db: Session, condition: ColumnElement[bool]) -> defaultdict[int, dict[Duty, int]]:
    """By visit of several dates and by duty, how many days late they were entered for a holder.

    A holder led or joined it, and held the duty in the primary posting on one of its dates; of
    several the latest decides.
    """
    led = select(Visit.id, Visit.leader_id.label("person_id"), Visit.late_by_days)
    joined = select(Visit.id, VisitParticipant.person_id, VisitParticipant.late_by_days).join_from(
        VisitParticipant, Visit, VisitParticipant.visit_id == Visit.id
    )
    several = condition & (Visit.first_on < Visit.last_on)
    late = union_all(
        led.where(several, Visit.late_by_days > 0),
        joined.where(several, VisitParticipant.late_by_days > 0),
    ).subquery()
    rows = db.execute(
        select(late.c.id, Posting.duty, func.max(late.c.late_by_days))
        .join(Visit, Visit.id == late.c.id)
        .join(Posting, Posting.person_id == late.c.person_id)
        .where(
            Posting.is_primary,
            Posting.from_on <= Visit.last_on,
            or_(Posting.to_on.is_(None), Posting.to_on >= Visit.first_on),
        )
        .group_by(late.c.id, Posting.duty)
    )
    found: defaultdict[int, dict[Duty, int]] = defaultdict(dict)
    for visit_id, duty, late_by_days in rows:
        found[visit_id][duty] = late_by_days

    return found


def covering_by(period: Period, as_of: datetime) -> ColumnElement[bool]:
    """Visits that cover a date of the period and had been entered by then."""
    return covering(period.first, period.last) & (Visit.entered_at <= as_of)


def _key(person_ids: Collection[int] | None) -> tuple[int, ...] | None:
    """Of whom something is remembered; of many people, everybody's is."""
    return tuple(sorted(person_ids)) if is_listed(person_ids) else None


def is_listed(person_ids: Collection[int] | None) -> TypeGuard[Collection[int]]:
    """Whether the people are few enough to be named in a statement."""
    return person_ids is not None and len(person_ids) <= MOST_LISTED


def among(
    column: InstrumentedAttribute[int], person_ids: Collection[int] | None
) -> ColumnElement[bool]:
    """That it is one of the people, where they are few; else everybody is read.

    A database takes only so many values, and reading a whole period costs less than so long a list.
    """
    return column.in_(person_ids) if is_listed(person_ids) else true()
