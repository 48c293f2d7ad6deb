"""The facts of a period that judging needs, as plain values and each in one query."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import TypeAlias

from sqlalchemy import ColumnElement, func, or_, select, true, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from crm.base.periods import Period, days
from crm.people.models import Absence, Person, Posting, Unit
from crm.people.rules import AbsenceStatus, Duty
from crm.quotas.rules import Figure, VisitFacts
from crm.visits.models import Visit, VisitParticipant
from crm.visits.permissions import covering


@dataclass(frozen=True, slots=True)
class Place:
    """A person in a unit."""

    person_id: int
    username: str
    name: str
    unit_id: int
    unit_code: str
    unit_name: str


@dataclass(frozen=True, slots=True)
class PersonFigure(Place):
    """A figure with the person whose it is and the unit under which it stands."""

    figure: Figure


Holding: TypeAlias = Mapping[date, Place]  # on which dates a person holds a duty, and where


def holdings(
    db: Session,
    period: Period,
    duties: Collection[Duty],
    person_ids: Collection[int] | None,
) -> dict[tuple[int, Duty], Holding]:
    """By person and duty, the dates of the period on which the primary posting has that duty."""
    rows = db.execute(
        select(
            *(Person.id, Person.username, Person.name, Unit.id, Unit.code, Unit.name),
            *(Posting.duty, Posting.from_on, Posting.to_on),
        )
        .join_from(Posting, Person, Posting.person_id == Person.id)
        .join(Unit, Posting.unit_id == Unit.id)
        .where(
            Posting.is_primary,
            Posting.duty.in_(duties),
            Posting.from_on <= period.last,
            or_(Posting.to_on.is_(None), Posting.to_on >= period.first),
            _among(Posting.person_id, person_ids),
        )
    )
    held: defaultdict[tuple[int, Duty], dict[date, Place]] = defaultdict(dict)

    for row in rows:
        here = Place(*row[:6])
        _, duty, from_on, to_on = row[5:]
        # REGIME 2: primary postings never overlap, so each date has one place
        held[here.person_id, duty] |= dict.fromkeys(_within(period, from_on, to_on), here)

    return dict(held)


def absences(
    db: Session, period: Period, person_ids: Collection[int] | None
) -> defaultdict[int, frozenset[date]]:
    """By person, the dates of the period under an approved absence; they may overlap."""
    rows = db.execute(
        select(Absence.person_id, Absence.from_on, Absence.to_on).where(
            Absence.status == AbsenceStatus.APPROVED,
            Absence.from_on <= period.last,
            Absence.to_on >= period.first,
            _among(Absence.person_id, person_ids),
        )
    )
    absent: defaultdict[int, frozenset[date]] = defaultdict(frozenset)
    for person_id, from_on, to_on in rows:
        absent[person_id] |= frozenset(_within(period, from_on, to_on))

    return absent


def visits_of(
    db: Session, period: Period, as_of: datetime, person_ids: Collection[int] | None
) -> list[VisitFacts]:
    """The visits of these people that cover the period and had been entered by then."""
    joined = select(VisitParticipant.visit_id).where(_among(VisitParticipant.person_id, person_ids))
    rows = db.execute(
        select(*(getattr(Visit, field.name) for field in fields(VisitFacts))).where(
            covering_by(period, as_of),
            true()
            if person_ids is None
            else or_(Visit.leader_id.in_(person_ids), Visit.id.in_(joined)),
        )
    )
    return [VisitFacts(*row) for row in rows]


def visits_by_person(
    db: Session, period: Period, as_of: datetime, person_ids: Collection[int] | None
) -> defaultdict[int, dict[int, VisitFacts]]:
    """By person, the visits that they led or joined (each once), by id."""
    columns = (VisitParticipant.visit_id, VisitParticipant.person_id, VisitParticipant.late_by_days)
    rows = db.execute(
        select(*columns)
        .join(Visit, Visit.id == VisitParticipant.visit_id)
        .where(covering_by(period, as_of), _among(VisitParticipant.person_id, person_ids))
    ).all()
    visits = {visit.id: visit for visit in visits_of(db, period, as_of, person_ids)}
    by_person: defaultdict[int, dict[int, VisitFacts]] = defaultdict(dict)
    # the facts carry the lateness of the leader; companions have their own
    for visit in visits.values():
        by_person[visit.leader_id][visit.id] = visit

    for visit_id, person_id, late_by_days in rows:
        if visit_id not in visits:  # moved away between the two reads
            continue
        visit = visits[visit_id]
        if visit.leader_id == person_id:  # a row beside the lead says nothing of its own
            continue
        if visit.late_by_days != late_by_days:
            visit = replace(visit, late_by_days=late_by_days)
        by_person[person_id][visit_id] = visit

    return by_person


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


def _among(
    column: InstrumentedAttribute[int], person_ids: Collection[int] | None
) -> ColumnElement[bool]:
    return true() if person_ids is None else column.in_(person_ids)


def _within(period: Period, from_on: date, to_on: date | None) -> list[date]:
    last = period.last if to_on is None else min(to_on, period.last)
    return list(days(max(from_on, period.first), last))
