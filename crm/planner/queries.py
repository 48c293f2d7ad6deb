"""What the planner reads: the leads of a person, and the person's free half-days (ENTRY 3)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from crm.base.cities import city_named
from crm.base.clock import civil_date
from crm.base.money import Currency
from crm.base.periods import days
from crm.base.value_class import value_class
from crm.followups.queries import next_steps
from crm.leads.models import Company, Lead, LeadRole, MilestonePlan
from crm.leads.permissions import role_held_on
from crm.leads.permissions import visible as visible_leads
from crm.leads.rules import LeadRoleKind, Stage
from crm.leads.tier_lines import tier_lines
from crm.leads.tiers import MAJOR, TierLines
from crm.people.entry_grants import owners_of
from crm.people.models import Person, Posting
from crm.people.permissions import Viewer, viewer
from crm.people.permissions import may_see as may_see_person
from crm.people.queries import absences_in, held_on
from crm.people.rules import WITH_RECORDS, Duty
from crm.planner.rules import (
    PLANNED_WITHIN,
    UNLED_FOR,
    VISITED_WITHIN,
    WORKDAYS_AHEAD,
    Candidate,
    Owed,
    Plan,
    Slot,
    free_slots,
    plan,
    window,
)
from crm.problems.models import Problem, ProblemLead, ProblemUnit
from crm.problems.permissions import onlooker
from crm.problems.permissions import visible as visible_problems
from crm.problems.rules import WORKING
from crm.quotas.queries import working_calendar
from crm.visits.models import Visit, VisitCompany, VisitLead, VisitParticipant
from crm.visits.permissions import covering, ids_since, joined_by, readable
from crm.visits.rules import Kind, Status

BEFORE_BUILDING = (Stage.LEAD, Stage.FOLLOWING, Stage.NEGOTIATING, Stage.SIGNED)
ROLES = (
    LeadRoleKind.ATTACHED_LEADER,
    LeadRoleKind.TASK_FORCE_HEAD,
    LeadRoleKind.TASK_FORCE_MEMBER,
    LeadRoleKind.TRACKER,
)
LEADING = (Duty.PRINCIPAL, Duty.DEPUTY)
ELSEWHERE = (Kind.OUTREACH, Kind.RESIDENCY)  # they say in which city the company is found


@value_class
class LeadNames:
    """How a lead is called before the viewer, and whom one met there last."""

    title: str
    company: str
    company_id: int
    met: str | None = None
    position: str | None = None


@value_class
class Suggestions:
    """The plan of a person with the names of its leads."""

    plan: Plan
    names: dict[int, LeadNames]
    dates: list[date]  # for which it was made


@value_class
class Asked:
    """Whose next visits before whom, until when, and whether rest days serve, too."""

    viewer: Viewer
    person: Person
    now: datetime
    last: date | None = None  # none: the next 5 working days
    rest_days: bool = False

    @property
    def on(self) -> date:
        return civil_date(self.now)


def may_plan_for(db: Session, me: Viewer, person: Person, on: date) -> bool:
    """Whether the viewer plans visits of the person: theirs, in scope, or entered for them."""
    if person.role not in WITH_RECORDS or me.role not in WITH_RECORDS:
        return False
    if person.id == me.person_id or (me.judges and may_see_person(db, me, person.id, on)):
        return True
    owners = select(Person.id).where(
        Person.id == person.id, Person.id.in_(owners_of(me.person_id, on))
    )
    return db.scalar(owners) is not None


def suggestions(db: Session, asked: Asked) -> Suggestions:
    """Whom the person might visit next, of the leads that both may see."""
    on, calendar = asked.on, working_calendar(db)
    # today counts where it is a working day, as its hours to come may serve
    last = asked.last or calendar.nth_workday_after(on, WORKDAYS_AHEAD)
    dates = [day for day in window(on, last) if asked.rest_days or calendar.is_workday(day)]
    rows = db.execute(_candidates(db, asked)).all()
    slots = _free(db, asked.person.id, dates, asked.now)
    made = plan(_facts(db, asked, rows), slots, on)
    ids = {proposal.candidate.lead_id for proposal in made.proposals}

    return Suggestions(made, _names(db, asked, [row for row in rows if row.id in ids]), dates)


def _candidates(db: Session, asked: Asked) -> Select[*tuple[Any, ...]]:
    """The leads of the person at these stages with what decides; a principal's major ones, too."""
    on, person_id = asked.on, asked.person.id
    subject = viewer(db, asked.person, on)
    theirs = exists().where(
        LeadRole.lead_id == Lead.id,
        LeadRole.person_id == person_id,
        LeadRole.role.in_(ROLES),
        role_held_on(on),
    )
    principal = exists().where(
        Posting.person_id == person_id,
        Posting.is_primary,
        Posting.duty == Duty.PRINCIPAL,
        held_on(on),
    )
    of_principal = and_(principal, _is_major(tier_lines(db), on), ~_led_since(on - UNLED_FOR))
    # what the viewer or the person may not see does not appear (REGIME 2)
    seen = [visible_leads(asked.viewer, on)]
    if subject.person_id != asked.viewer.person_id:
        seen.append(visible_leads(subject, on))

    return (
        select(
            *(Lead.id, Lead.ref, Lead.title, Lead.amount, Lead.currency),
            *(Lead.entered_on, Lead.last_contact_on),
            Company.id.label("company_id"),
            Company.name.label("company"),
            theirs.label("is_theirs"),
            _signing().label("signing_on"),
            _planned_on(on).label("planned_on"),
            _visited_on(person_id, on).label("visited_on"),
        )
        .join(Lead.company)
        .where(Lead.stage.in_(BEFORE_BUILDING), or_(theirs, of_principal), *seen)
        .order_by(Lead.ref)
    )


def _is_major(lines: TierLines, on: date) -> ColumnElement[bool]:
    reached = [
        (Lead.currency == currency) & (Lead.amount >= lines.of(currency, on)[MAJOR])
        for currency in Currency
        if MAJOR in lines.of(currency, on)
    ]
    return or_(*reached)


def _visit_of_lead(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    query = select(Visit.first_on).join(VisitLead, VisitLead.visit_id == Visit.id)
    return query.where(VisitLead.lead_id == Lead.id, *conditions).correlate(Lead)


def _led_since(since: date) -> ColumnElement[bool]:
    """Leads that a leading comrade visited since the date, by the duty held then."""
    leads_or_joins = or_(
        Posting.person_id == Visit.leader_id,
        exists().where(
            VisitParticipant.visit_id == Visit.id, VisitParticipant.person_id == Posting.person_id
        ),
    )
    by_leader = exists().where(
        Posting.is_primary,
        Posting.duty.in_(LEADING),
        Posting.from_on <= Visit.first_on,
        or_(Posting.to_on.is_(None), Posting.to_on >= Visit.first_on),
        leads_or_joins,
    )
    made = (Visit.status == Status.DONE) & (Visit.last_on >= since)
    return _visit_of_lead(made, by_leader).exists()


def _signing() -> ScalarSelect[date]:
    """The planned signing as it was last revised."""
    plans = select(MilestonePlan.planned_on).where(
        MilestonePlan.lead_id == Lead.id,
        MilestonePlan.kind == Stage.SIGNED.value,
        Lead.stage != Stage.SIGNED,
    )
    return plans.order_by(MilestonePlan.id.desc()).limit(1).correlate(Lead).scalar_subquery()


def _planned_on(on: date) -> ScalarSelect[date]:
    """The first planned visit of anybody that is not over."""
    ahead = [
        Visit.status == Status.PLANNED,
        covering(on, on + PLANNED_WITHIN),
    ]
    return _visit_of_lead(*ahead).with_only_columns(func.min(Visit.first_on)).scalar_subquery()


def _visited_on(person_id: int, on: date) -> ScalarSelect[date]:
    """The last visit by the person; one that waits to be set done took place, too."""
    lately = [
        Visit.status != Status.CANCELLED,
        covering(on - VISITED_WITHIN, on),
        Visit.last_on <= on,
        or_(Visit.leader_id == person_id, joined_by([person_id])),
    ]
    return _visit_of_lead(*lately).with_only_columns(func.max(Visit.last_on)).scalar_subquery()


def _facts(db: Session, asked: Asked, rows: Sequence[Row[*tuple[Any, ...]]]) -> Iterable[Candidate]:
    ids = [row.id for row in rows]
    steps, problems = next_steps(db, ids), _problems(db, asked, ids)
    cities, lines = _cities(db, ids), tier_lines(db)

    for row in rows:
        step, city = steps.get(row.id), cities.get(row.id)
        yield Candidate(
            lead_id=row.id,
            ref=row.ref,
            city=city or city_named(row.company),
            is_city_assumed=city is None,
            tier=lines.tier_of(row.amount, row.currency, asked.on),
            entered_on=row.entered_on,
            last_contact_on=row.last_contact_on,
            step=Owed(step.what, step.due_on) if step else None,
            problem=problems.get(row.id),
            signing_on=row.signing_on,
            planned_on=row.planned_on,
            visited_on=row.visited_on,
            is_theirs=row.is_theirs,
        )


def _problems(db: Session, asked: Asked, lead_ids: Collection[int]) -> dict[int, Owed]:
    """By lead, the open problem that the person or one of their units has to solve, due first."""
    person_id, on = asked.person.id, asked.on
    units = select(Posting.unit_id).where(Posting.person_id == person_id, held_on(on))
    assisting = exists().where(ProblemUnit.problem_id == Problem.id, ProblemUnit.unit_id.in_(units))
    names_us = or_(
        Problem.person_id == person_id,
        Problem.named_id == person_id,
        Problem.unit_id.in_(units),
        assisting,
    )
    rows = db.execute(
        select(ProblemLead.lead_id, Problem.matter, Problem.due_on)
        .join(Problem, Problem.id == ProblemLead.problem_id)
        .where(
            ProblemLead.lead_id.in_(lead_ids),
            Problem.state.in_(WORKING),
            names_us,
            visible_problems(onlooker(db, asked.viewer, on)),
        )
        .order_by(Problem.due_on.desc(), Problem.id.desc())
    )
    # the latest come first, so that of each lead the earliest stays
    return {lead_id: Owed(matter, due_on) for lead_id, matter, due_on in rows}


def _cities(db: Session, lead_ids: Collection[int]) -> dict[int, str]:
    """By lead, the city in which it was last visited; every visit of a visible lead is visible."""
    place = func.row_number().over(
        partition_by=VisitLead.lead_id, order_by=(Visit.last_on.desc(), Visit.id.desc())
    )
    visits = (
        select(VisitLead.lead_id, Visit.city, place.label("place"))
        .join(Visit, Visit.id == VisitLead.visit_id)
        .where(
            VisitLead.lead_id.in_(lead_ids),
            Visit.status == Status.DONE,
            Visit.kind.in_(ELSEWHERE),
            Visit.city != "",
        )
        .subquery()
    )
    latest = select(visits.c.lead_id, visits.c.city).where(visits.c.place == 1)
    return dict(db.execute(latest).all())


def _free(db: Session, person_id: int, dates: Sequence[date], now: datetime) -> list[Slot]:
    """The free half-days: not absent, nothing planned; a stay leaves those of its own city."""
    if not dates:
        return []
    first, last = dates[0], dates[-1]
    absent = {
        day
        for absence in absences_in(db, person_id, first, last)
        for day in days(max(absence.from_on, first), min(absence.to_on, last))
    }
    visits = db.execute(
        select(Visit.kind, Visit.city, Visit.first_on, Visit.last_on).where(
            Visit.id.in_(ids_since(person_id, first).scalar_subquery()),
            Visit.status == Status.PLANNED,
            Visit.first_on <= last,
        )
    )
    busy, stays = absent, dict[date, str]()
    for visit in visits:
        covered = days(max(visit.first_on, first), min(visit.last_on, last))
        if visit.kind is Kind.RESIDENCY:
            stays |= dict.fromkeys(covered, visit.city)
        else:
            busy |= {*covered}
    return free_slots(dates, busy=busy, stays=stays, now=now)


def _names(
    db: Session, asked: Asked, rows: Sequence[Row[*tuple[Any, ...]]]
) -> dict[int, LeadNames]:
    """The names of these leads, with the person whom their last visit met, where it is readable."""
    met = {
        row.lead_id: (row.met, row.position)
        for row in db.execute(_last_met(asked, [row.id for row in rows]))
    }
    return {
        row.id: LeadNames(row.title, row.company, row.company_id, *met.get(row.id, ()))
        for row in rows
    }


def _last_met(asked: Asked, lead_ids: Collection[int]) -> Select[*tuple[Any, ...]]:
    of_company = (VisitCompany.visit_id == Visit.id) & (VisitCompany.company_id == Lead.company_id)
    of_leads = select(VisitLead.visit_id).where(VisitLead.lead_id.in_(lead_ids))
    return (
        select(Lead.id.label("lead_id"), VisitCompany.met, VisitCompany.position)
        .join(VisitLead, VisitLead.lead_id == Lead.id)
        .join(Visit, Visit.id == VisitLead.visit_id)
        .join(VisitCompany, of_company)
        .where(
            Lead.id.in_(lead_ids),
            Visit.status == Status.DONE,
            VisitCompany.met.is_not(None),
            # a subquery, as `readable` looks at all leads of the visit
            Visit.id.in_(
                select(Visit.id)
                .where(Visit.id.in_(of_leads), readable(asked.viewer, asked.on))
                .correlate(None)
            ),
        )
        # the latest comes last, so that it stays
        .order_by(Visit.last_on, Visit.id)
    )
