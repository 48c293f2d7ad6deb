"""Reads that several mails share: people, visits and follow-ups as known at a moment."""

from collections import defaultdict
from dataclasses import fields
from datetime import date, datetime

from sqlalchemy import ColumnElement, ScalarSelect, Select, false, func, or_, select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.periods import DAY
from crm.base.value_class import value_class
from crm.followups.models import Followup
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import role_held_on
from crm.leads.rules import LeadRoleKind
from crm.people.models import Person
from crm.people.queries import active_at
from crm.quotas.counting import status_at
from crm.quotas.rules import VisitFacts
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.permissions import covering
from crm.visits.rules import LONGEST_DAYS, Kind, Status, Verdict


@value_class
class VisitFact:
    """A visit with its people and leads; it may concern leads that a reader may not know."""

    facts: VisitFacts
    status: Status  # as known at the moment
    city: str
    leader_name: str
    minutes: str | None
    entered_by_id: int | None
    participant_ids: frozenset[int]
    lead_ids: tuple[int, ...]

    @property
    def people(self) -> frozenset[int]:
        """The leader and the participants."""
        return self.participant_ids | {self.facts.leader_id}

    def is_of(self, person_id: int) -> bool:
        """Whether the person leads it or takes part."""
        return person_id == self.facts.leader_id or person_id in self.participant_ids


@value_class
class DueFact:
    """A follow-up that is not done."""

    id: int
    lead_id: int
    person_id: int
    what: str
    due_on: date


def active_people(db: Session, at: datetime) -> list[Person]:
    """Everyone who may get mail at that moment, by username."""
    return list(db.scalars(select(Person).where(active_at(at)).order_by(Person.username)))


def visits_between(db: Session, first: date, last: date, at: datetime) -> list[VisitFact]:
    """The visits that cover a date of the span and are not cancelled, as known at the moment."""
    return _visits(db, covering(first, last) & (Visit.status != Status.CANCELLED), at)


def ended_stays(db: Session, at: datetime) -> list[VisitFact]:
    """The stays that ended not long before the moment and wait to be completed (待办结)."""
    on = civil_date(at)
    # A bound for the query: the rules decide later how long each may wait.
    is_recent = covering(on - LONGEST_DAYS * DAY, on) & (Visit.ends_at <= at)
    # One that was set done after the moment was still planned at it.
    was_planned = or_(
        Visit.status == Status.PLANNED, (Visit.status == Status.DONE) & (Visit.logged_at > at)
    )
    was_rejected = (Visit.verdict == Verdict.REJECTED) & (Visit.verdict_at <= at)
    is_stay = Visit.kind == Kind.RESIDENCY
    return _visits(
        db, is_recent & is_stay & was_planned & ~func.coalesce(was_rejected, false()), at
    )


def _visits(db: Session, condition: ColumnElement[bool], at: datetime) -> list[VisitFact]:
    """These visits as known at the moment, in order of time."""
    known = condition & (Visit.entered_at <= at)
    participants = _by_visit(
        db, select(VisitParticipant.visit_id, VisitParticipant.person_id), known
    )
    # A lead that was linked later must not show in a digest of an earlier moment.
    lead_links = select(VisitLead.visit_id, VisitLead.lead_id).join(
        Lead, Lead.id == VisitLead.lead_id
    )
    leads = _by_visit(db, lead_links.where(Lead.entered_at <= at), known)

    columns = [getattr(Visit, field.name) for field in fields(VisitFacts)]
    rows = db.execute(
        select(*columns, Visit.city, Person.name, Visit.minutes, Visit.entered_by_id)
        .join(Person, Person.id == Visit.leader_id)
        .where(known)
        .order_by(Visit.starts_at, Visit.ref)
    )
    visits = []

    for row in rows:
        facts = VisitFacts(*row[: len(columns)])
        city, leader_name, minutes, entered_by_id = row[len(columns) :]
        visits.append(
            VisitFact(
                facts,
                status_at(facts, at),
                city,
                leader_name,
                minutes,
                entered_by_id,
                frozenset(participants[facts.id]),
                tuple(sorted(leads[facts.id])),
            )
        )

    return visits


def _by_visit(
    db: Session, query: Select[int, int], condition: ColumnElement[bool]
) -> defaultdict[int, list[int]]:
    ids: defaultdict[int, list[int]] = defaultdict(list)
    for visit_id, other_id in db.execute(
        query.join(Visit, Visit.id == query.selected_columns.visit_id).where(condition)
    ):
        ids[visit_id].append(other_id)
    return ids


def responsible_unit(on: date) -> ScalarSelect[int | None]:
    """The unit responsible on that date for the `Lead` of the enclosing query."""
    return (
        select(LeadRole.unit_id)
        .where(
            LeadRole.lead_id == Lead.id,
            LeadRole.role == LeadRoleKind.RESPONSIBLE_UNIT,
            role_held_on(on),
        )
        .order_by(LeadRole.from_on.desc(), LeadRole.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def due_followups(db: Session, until: date, at: datetime) -> dict[int, list[DueFact]]:
    """By person, the follow-ups due up to that date and not done by the moment."""
    rows = db.execute(
        select(Followup.id, Followup.lead_id, Followup.person_id, Followup.what, Followup.due_on)
        .where(
            Followup.due_on <= until,
            Followup.entered_at <= at,
            or_(Followup.done_at.is_(None), Followup.done_at > at),
        )
        .order_by(Followup.due_on, Followup.id)
    )
    due: defaultdict[int, list[DueFact]] = defaultdict(list)
    for row in rows:
        due[row.person_id].append(DueFact(*row))

    return dict(due)
