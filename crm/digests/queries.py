"""The facts of a digest run, read once for the whole zone and sliced for each recipient."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, ScalarSelect, Select, exists, false, func, or_, select
from sqlalchemy.orm import Session, aliased

from crm.base.clock import civil_date
from crm.base.money import Currency
from crm.base.periods import DAY, Period, PeriodKind
from crm.digests.first_meetings import first_meetings
from crm.digests.monthly import MonthFacts, month_facts
from crm.digests.orders import orders_of
from crm.digests.rules import Spans, planned_span, spans
from crm.digests.status_changes import Earlier, earlier_statuses
from crm.followups.models import Followup
from crm.leads.models import Lead, LeadRole, Milestone
from crm.leads.queries import role_held_on
from crm.leads.rules import LeadRoleKind, MilestoneKind
from crm.people.models import Person, Posting
from crm.people.queries import UnitNode, active_at, held_on, unit_tree
from crm.quotas.counting import status_at
from crm.quotas.queries import PersonFigure, figures, working_calendar
from crm.quotas.rules import Figure, Rule, VisitFacts
from crm.supervision.activity import MovedOrder
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.permissions import covering
from crm.visits.rules import LONGEST_DAYS, Kind, Status, Verdict


@dataclass(frozen=True, slots=True)
class LeadFact:
    """A lead with the unit responsible for it; whether one may know it is not said here."""

    id: int
    amount: Decimal | None
    currency: Currency | None
    entered_on: date
    entered_at: datetime
    unit_id: int | None


@dataclass(frozen=True, slots=True)
class StepFact:
    """A milestone that a lead reached."""

    lead_id: int
    kind: MilestoneKind
    reached_on: date
    is_first_signing: bool


@dataclass(frozen=True, slots=True)
class VisitFact:
    """A visit with the people and the leads that it concerns."""

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
        """Who leads it and who takes part."""
        return self.participant_ids | {self.facts.leader_id}

    def is_of(self, person_id: int) -> bool:
        """Whether the person leads it or takes part."""
        return person_id in self.people


@dataclass(frozen=True, slots=True)
class DueFact:
    """A follow-up that is not done."""

    id: int
    lead_id: int
    person_id: int
    what: str
    due_on: date


@dataclass(frozen=True)
class Facts:
    """All that the digests of one period are made of, as known at their moment."""

    period: Period
    at: datetime
    spans: Spans
    units: Sequence[UnitNode]
    figures: Sequence[PersonFigure]
    before: dict[tuple[str, int], Figure]
    leads: dict[int, LeadFact]
    steps: Sequence[StepFact]
    visits: Sequence[VisitFact]
    due: dict[int, list[DueFact]]
    homes: dict[int, int]  # by person, the unit of the current primary posting
    is_estimated: bool
    month: MonthFacts | None  # of a month alone
    earlier: Earlier  # of a week alone: where running periods stood when it began
    orders: Sequence[MovedOrder]
    first_meetings: dict[int, frozenset[int]]  # by visit, the leads that it was the first to
    since: date  # on which the clock's slots begin

    @property
    def on(self) -> date:
        """The civil date of the moment."""
        return civil_date(self.at)

    @property
    def rules(self) -> list[Rule]:
        """The rules of the figures, each once, in their order."""
        return list({one.figure.rule.code: one.figure.rule for one in self.figures}.values())


def gather(db: Session, *, period: Period, at: datetime, since: date = date.min) -> Facts:
    """Read what the digests of the period say, in a number of queries that no recipient adds to.

    `since`: on which date the clock's slots begin.
    """
    on = civil_date(at)
    wanted = spans(period, on)
    judged = [one for part in wanted.all for one in figures(db, period=part, as_of=at)]
    told = {one.figure.period for one in judged} | {period}
    calendar = working_calendar(db)
    steps = _steps(db, period, at)
    visits = visits_between(db, period.first, planned_span(on)[1], at)
    due = due_by(db, planned_span(on)[1], at)
    lead_ids = {step.lead_id for step in steps} | {
        one.lead_id for each in due.values() for one in each
    }
    lead_ids |= {lead_id for visit in visits for lead_id in visit.lead_ids}
    units = unit_tree(db)

    return Facts(
        period=period,
        at=at,
        spans=wanted,
        units=units,
        figures=judged,
        before={
            (one.figure.rule.code, one.person_id): one.figure
            for one in figures(db, period=period.before, as_of=at)
        },
        leads=_leads(db, period, lead_ids, at),
        steps=steps,
        visits=visits,
        due=due,
        homes=_homes(db, on),
        is_estimated=any(calendar.is_estimated(one) for one in told),
        month=month_facts(db, period, units, at),
        earlier=earlier_statuses(db, period, wanted.running, at),
        orders=orders_of(db, period, at),
        first_meetings=first_meetings(db, period, visits, at),
        since=since,
    )


def _homes(db: Session, on: date) -> dict[int, int]:
    rows = db.execute(
        select(Posting.person_id, Posting.unit_id).where(Posting.is_primary, held_on(on))
    )
    return dict(rows.all())


def active_people(db: Session, at: datetime) -> list[Person]:
    """Everyone who may get mail at that moment, by username."""
    return list(db.scalars(select(Person).where(active_at(at)).order_by(Person.username)))


def visits_between(db: Session, first: date, last: date, at: datetime) -> list[VisitFact]:
    """The visits that cover a date of the span and are not cancelled, as known at the moment."""
    return _visits(db, covering(first, last) & (Visit.status != Status.CANCELLED), at)


def ended_stays(db: Session, at: datetime) -> list[VisitFact]:
    """The stays that ended not long before the moment and wait to be set done (待办结)."""
    on = civil_date(at)
    is_recent = covering(on - LONGEST_DAYS * DAY, on) & (Visit.ends_at <= at)
    was_planned = or_(
        Visit.status == Status.PLANNED, (Visit.status == Status.DONE) & (Visit.logged_at > at)
    )
    was_rejected = (Visit.verdict == Verdict.REJECTED) & (Visit.verdict_at <= at)
    is_stay = Visit.kind == Kind.RESIDENCY
    return _visits(
        db, is_recent & is_stay & was_planned & ~func.coalesce(was_rejected, false()), at
    )


def _visits(db: Session, which: ColumnElement[bool], at: datetime) -> list[VisitFact]:
    """These visits as known at the moment, in order of time."""
    known = which & (Visit.entered_at <= at)
    joined = _by_visit(db, select(VisitParticipant.visit_id, VisitParticipant.person_id), known)
    leads = select(VisitLead.visit_id, VisitLead.lead_id).join(Lead, Lead.id == VisitLead.lead_id)
    concerned = _by_visit(db, leads.where(Lead.entered_at <= at), known)
    own = [getattr(Visit, field.name) for field in fields(VisitFacts)]
    rows = db.execute(
        select(*own, Visit.city, Person.name, Visit.minutes, Visit.entered_by_id)
        .join(Person, Person.id == Visit.leader_id)
        .where(known)
        .order_by(Visit.starts_at, Visit.ref)
    )
    made = []

    for row in rows:
        facts = VisitFacts(*row[: len(own)])
        city, leader_name, minutes, entered_by_id = row[len(own) :]
        made.append(
            VisitFact(
                facts,
                status_at(facts, at),
                city,
                leader_name,
                minutes,
                entered_by_id,
                frozenset(joined[facts.id]),
                tuple(sorted(concerned[facts.id])),
            )
        )

    return made


def _by_visit(
    db: Session, query: Select[int, int], which: ColumnElement[bool]
) -> defaultdict[int, list[int]]:
    ids: defaultdict[int, list[int]] = defaultdict(list)
    for visit_id, other_id in db.execute(
        query.join(Visit, Visit.id == query.selected_columns.visit_id).where(which)
    ):
        ids[visit_id].append(other_id)
    return ids


def _steps(db: Session, period: Period, at: datetime) -> list[StepFact]:
    """The milestones of the period, and what was signed in its year and in the period before."""
    year = Period.holding(PeriodKind.YEAR, period.last)
    since = min(year.first, period.before.first)
    earlier = aliased(Milestone)
    is_signing = Milestone.kind == MilestoneKind.SIGNED
    signed_before = exists().where(
        earlier.lead_id == Milestone.lead_id,
        earlier.kind == MilestoneKind.SIGNED,
        earlier.entered_at <= at,
        or_(
            earlier.reached_on < Milestone.reached_on,
            (earlier.reached_on == Milestone.reached_on) & (earlier.id < Milestone.id),
        ),
    )
    rows = db.execute(
        select(
            Milestone.lead_id,
            Milestone.kind,
            Milestone.reached_on,
            (is_signing & ~signed_before).label("is_first_signing"),
        )
        .where(
            or_(
                Milestone.reached_on >= period.first,
                is_signing & (Milestone.reached_on >= since),
            ),
            Milestone.reached_on <= period.last,
            Milestone.entered_at <= at,
        )
        .order_by(Milestone.reached_on, Milestone.id)
    )

    return [StepFact(*row[:3], bool(row[3])) for row in rows]


def _leads(
    db: Session, period: Period, lead_ids: Collection[int], at: datetime
) -> dict[int, LeadFact]:
    """These leads and those entered in the period, each with its responsible unit."""
    unit_id = responsible_unit(civil_date(at))
    is_new = (Lead.entered_on >= period.first) & (Lead.entered_on <= period.last)
    rows = db.execute(
        select(Lead.id, Lead.amount, Lead.currency, Lead.entered_on, Lead.entered_at, unit_id)
        .where(or_(Lead.id.in_(lead_ids), is_new), Lead.entered_at <= at)
        .order_by(Lead.id)
    )
    return {row[0]: LeadFact(*row) for row in rows}


def responsible_unit(on: date) -> ScalarSelect[int | None]:
    """The unit responsible for the lead of the query around it, on that date."""
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


def due_by(db: Session, until: date, at: datetime) -> dict[int, list[DueFact]]:
    """By person, what is due up to that date and not done by the moment."""
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
