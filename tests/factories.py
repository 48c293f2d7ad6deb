"""Valid and boring rows; a test names only what it is about."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import TypeVar

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.money import Currency
from crm.base.periods import PeriodKind
from crm.extensions import db as database_of_app
from crm.followups.last_contact import keep_last_contacts
from crm.followups.models import Followup
from crm.leads.amount_models import LeadAmount
from crm.leads.models import (
    Company,
    CompanyAlias,
    Contact,
    Lead,
    LeadRole,
    Milestone,
    MilestonePlan,
)
from crm.leads.rules import AmountKind, LeadRoleKind, Secrecy, Stage
from crm.people import sessions as logins
from crm.people.models import Absence, EntryGrant, Person, Posting, Unit
from crm.people.rules import AbsenceKind, AbsenceStatus, Duty, Role, UnitKind
from crm.problems.models import Problem, ProblemCategory, ProblemEntry, ProblemLead
from crm.problems.rules import EntryKind, ProblemState
from crm.quotas.models import RuleVersion
from crm.quotas.rules import Cap, CountBy, Measure, Proration, Rounding
from crm.results.models import Claim
from crm.results.rules import ClaimKind, ClaimState
from crm.supervision.models import Order
from crm.supervision.rules import About, OrderKind, OrderState, Origin
from crm.transactions import transaction
from crm.visits.companies import add_companies, united
from crm.visits.fields import CompanyMet
from crm.visits.models import Trip, Visit, VisitBatch, VisitLead, VisitParticipant
from crm.visits.rules import Channel, Kind, Status, Verdict, kind_by

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_numbers = count(1)


Row = TypeVar("Row")


def _add(db: Session, row: Row) -> Row:
    db.add(row)
    db.flush()
    return row


def make_unit(db: Session, name: str = "", *, parent: Unit | None = None, **given: object) -> Unit:
    """A bureau, or what is said."""
    n = next(_numbers)
    values = {
        "code": f"u{n}",
        "name": name or f"单位{n}",
        "kind": UnitKind.BUREAU,
        "position": n,
    }
    return _add(db, Unit(parent_id=parent.id if parent else None, **values | given))


def make_person(
    db: Session,
    username: str = "",
    *,
    role: Role = Role.RECRUITER,
    duty: Duty | None = Duty.RECRUITER,
    unit: Unit | None = None,
    from_on: date = date(2020, 1, 1),
    **given: object,
) -> Person:
    """A recruiter, posted since 2020 in a unit of their own; no posting where duty is None."""
    username = username or f"p{next(_numbers)}"
    values = {
        "name": f"{username}同志",
        "email": f"{username}@crm.test",
    }
    person = _add(db, Person(username=username, role=role, created_at=LONG_AGO, **values | given))
    if duty:
        make_posting(db, person, unit=unit, duty=duty, from_on=from_on)
    return person


def make_posting(
    db: Session, person: Person, *, unit: Unit | None = None, **given: object
) -> Posting:
    """A primary posting as recruiter, open since 2020."""
    unit = unit or make_unit(db)
    values = {"duty": Duty.RECRUITER, "is_primary": True, "from_on": date(2020, 1, 1)}
    return _add(db, Posting(person_id=person.id, unit_id=unit.id, **values | given))


def make_grant(
    db: Session, owner: Person, agent: Person, *, from_on: date = date(2020, 1, 1), **given: object
) -> EntryGrant:
    """The agent enters visits for the owner since 2020."""
    values = {"granted_by_id": owner.id, "granted_at": LONG_AGO, "from_on": from_on}
    return _add(db, EntryGrant(owner_id=owner.id, agent_id=agent.id, **values | given))


def make_absence(
    db: Session, person: Person, from_on: date, to_on: date, **given: object
) -> Absence:
    """An approved leave; one that waits, where it has no moment of approval."""
    values = {"kind": AbsenceKind.LEAVE, "reason": "休假", "approved_at": LONG_AGO}
    is_open = "approved_at" in given and given["approved_at"] is None
    values["status"] = AbsenceStatus.ASKED if is_open else AbsenceStatus.APPROVED
    return _add(db, Absence(person_id=person.id, from_on=from_on, to_on=to_on, **values | given))


def make_visit(
    db: Session,
    leader: Person,
    on: date = date(2026, 7, 14),
    *,
    days: int = 1,
    status: Status = Status.DONE,
    participants: Iterable[Person] = (),
    leads: Iterable[Lead] = (),
    companies: Iterable[CompanyMet] = (),
    verdict: Verdict | None = None,
    **given: object,
) -> Visit:
    """An outreach in person (remote by another channel), 09:00 to 17:00, logged at 18:00.

    The companies of its leads were met, as those named.
    """
    starts_at = clock.at_civil(on) + timedelta(hours=9)
    ends_at = starts_at + timedelta(days=days - 1, hours=8)
    starts_at, ends_at = (
        given.pop("starts_at", starts_at),
        given.pop("ends_at", ends_at),
    )
    logged_at = ends_at + timedelta(hours=1)
    values = {
        "ref": f"V{next(_numbers)}",
        "kind": kind_by(Kind.OUTREACH, given.get("channel", Channel.IN_PERSON)),
        "channel": Channel.IN_PERSON,
        "city": "苏州",
        "first_on": clock.civil_date(starts_at),
        "last_on": clock.last_civil_date(ends_at),
        "entered_at": starts_at - timedelta(days=1) if status is Status.PLANNED else logged_at,
        "entered_by_id": leader.id,
        "logged_at": logged_at if status is Status.DONE else None,
        "verdict": verdict,
        "verdict_at": logged_at if verdict else None,
    }
    times = {"starts_at": starts_at, "ends_at": ends_at}
    visit = _add(db, Visit(leader_id=leader.id, status=status, **times, **values | given))
    db.add_all(VisitParticipant(visit_id=visit.id, person_id=p.id) for p in participants)
    leads = list(leads)
    db.add_all(VisitLead(visit_id=visit.id, lead_id=lead.id) for lead in leads)
    person = CompanyMet(met=given.get("met"), position=given.get("position"))
    rows = united([*companies, *(CompanyMet(lead.company_id) for lead in leads), person])
    add_companies(db, visit.id, rows)
    db.flush()
    keep_last_contacts(db, [lead.id for lead in leads])
    return visit


def make_hidden_batch(db: Session) -> VisitBatch:
    """A batch of visits that are stored, and that nobody sees yet."""
    return _add(db, VisitBatch(is_published=False))


def make_trip(db: Session, ref: str, **given: object) -> Trip:
    """A trip of which nothing is told yet."""
    return _add(db, Trip(ref=ref, entered_at=LONG_AGO, **given))


def make_alias(db: Session, name: str, company: Company | None = None) -> CompanyAlias:
    """Another name of the company, else of a new one."""
    company = company or make_company(db)
    return _add(db, CompanyAlias(company=company, name=name, added_at=LONG_AGO))


def make_company(db: Session, name: str = "", **given: object) -> Company:
    """A company of a made-up name."""
    name = name or f"公司{next(_numbers)}"
    return _add(db, Company(name=name, created_at=LONG_AGO, **given))


def make_contact(
    db: Session, company: Company, name: str = "张工", *, lead: Lead | None = None, **given: object
) -> Contact:
    """A contact at the company, brought by the lead where there is one."""
    lead_id = lead.id if lead else None
    values = {"company_id": company.id, "lead_id": lead_id, "created_at": LONG_AGO}
    return _add(db, Contact(name=name, **values | given))


def make_lead(
    db: Session,
    title: str = "",
    *,
    unit: Unit | None = None,
    tracker: Person | None = None,
    secrecy: Secrecy = Secrecy.OPEN,
    stage: Stage = Stage.FOLLOWING,
    yi: Decimal | str | None = None,
    **given: object,
) -> Lead:
    """An open lead under follow-up since June, of a company of its own; `yi`: 亿元."""
    n = next(_numbers)
    company = given.pop("company", None) or make_company(db)
    values = {
        "ref": f"L{n}",
        "title": title or f"项目{n}",
        "code_name": f"代号{n}" if secrecy is Secrecy.RESTRICTED else None,
        "entered_on": date(2026, 6, 1),
        "entered_at": datetime(2026, 6, 1, 2, tzinfo=UTC),
    }
    amount = given.pop("amount", Decimal(yi) * 100_000_000 if yi else None)
    currency = given.pop("currency", Currency.CNY)
    lead = _add(db, Lead(company_id=company.id, secrecy=secrecy, stage=stage, **values | given))
    if amount is not None:
        make_amount(db, lead, amount, currency)
    make_milestone(db, lead, stage, lead.entered_on)
    if unit:
        make_role(db, lead, LeadRoleKind.RESPONSIBLE_UNIT, unit=unit)
    if tracker:
        make_role(db, lead, LeadRoleKind.TRACKER, person=tracker)
    return lead


def make_amount(
    db: Session, lead: Lead, amount: Decimal, currency: Currency = Currency.CNY, **given: object
) -> LeadAmount:
    """An amount of a lead as it was entered with it: the total, unless another kind is given."""
    values = {"kind": AmountKind.TOTAL, "stated_on": lead.entered_on, "entered_at": lead.entered_at}
    row = LeadAmount(lead_id=lead.id, amount=amount, currency=currency, **values | given)
    _add(db, row)
    db.refresh(lead, ["amount", "currency"])
    return row


def make_milestone(db: Session, lead: Lead, kind: str, on: date, **given: object) -> Milestone:
    """A milestone entered at noon of the day on which it was reached."""
    values = {"entered_at": clock.at_civil(on) + timedelta(hours=12)}
    return _add(db, Milestone(lead_id=lead.id, kind=kind, reached_on=on, **values | given))


def make_role(
    db: Session,
    lead: Lead,
    role: LeadRoleKind,
    *,
    person: Person | None = None,
    unit: Unit | None = None,
    from_on: date | None = None,
) -> LeadRole:
    """What a person or a unit is to the lead, since it was entered."""
    return _add(
        db,
        LeadRole(
            lead_id=lead.id,
            role=role,
            person_id=person.id if person else None,
            unit_id=unit.id if unit else None,
            from_on=from_on or lead.entered_on,
        ),
    )


def make_followup(
    db: Session, lead: Lead, person: Person, due_on: date, **given: object
) -> Followup:
    """A follow-up entered a week before it is due."""
    entered_at = clock.at_civil(due_on - timedelta(days=7))
    values = {"ref": f"F{next(_numbers)}", "what": "电话回访", "entered_at": entered_at}
    step = Followup(lead_id=lead.id, person_id=person.id, due_on=due_on, **values | given)
    _add(db, step)
    keep_last_contacts(db, [lead.id])
    return step


DEPUTY = {
    "code": "deputy-monthly",
    "name": "分管负责同志每月带队拜访",
    "duty": Duty.DEPUTY,
    "measure": Measure.VISITS_LED,
    "count_by": CountBy.DAY,
    "minimum": 6,
    "period": PeriodKind.MONTH,
    "kinds": frozenset({Kind.OUTREACH, Kind.RESIDENCY}),
    "channels": frozenset({Channel.IN_PERSON}),
    "log_within_days": 3,
    "stay_within_days": 9,
    "proration": Proration.WORKDAYS,
    "rounding": Rounding.CEIL,
    "cap": Cap.CALENDAR_DAYS,
    "valid_from": date(2020, 1, 1),
    "valid_to": None,
}
PRINCIPAL = DEPUTY | {
    "code": "principal-weekly",
    "name": "主要负责同志每周带队拜访",
    "duty": Duty.PRINCIPAL,
    "minimum": 1,
    "period": PeriodKind.WEEK,
    "kinds": frozenset({Kind.OUTREACH}),
    "rounding": Rounding.HALF_UP,
}
RECRUITER = DEPUTY | {
    "code": "recruiter-monthly",
    "name": "专职招商人员每月驻城招商",
    "duty": Duty.RECRUITER,
    "measure": Measure.DAYS_RESIDENT,
    "minimum": 20,
}


def make_rule(db: Session, values: dict[str, object] = DEPUTY, **given: object) -> RuleVersion:
    """The deputy's rule as shipped, or another of the shipped ones, with what is said instead."""
    return _add(db, RuleVersion(**values | given))


def make_regime(db: Session) -> list[RuleVersion]:
    """The three rules as shipped."""
    return [make_rule(db, values) for values in (PRINCIPAL, DEPUTY, RECRUITER)]


def arranged(app: Flask):
    """A committed transaction in which a web test arranges its rows."""
    with app.app_context():
        return transaction(database_of_app.sessionmaker)


def sign_in(app: Flask, username: str) -> FlaskClient:
    """A client at which that person is signed in, by the session row that the door would make."""
    client = app.test_client()
    with arranged(app) as db:
        person = db.scalars(select(Person).where(Person.username == username)).one()
        token = logins.begin(db, person=person, address=None, browser="test", now=clock.now())
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token
        cookie["_fresh"] = True
    return client


def make_plan(
    db: Session, lead: Lead, kind: str, planned_on: date, **given: object
) -> MilestonePlan:
    """A milestone planned when the lead was entered."""
    values = {"entered_at": lead.entered_at}
    return _add(
        db, MilestonePlan(lead_id=lead.id, kind=kind, planned_on=planned_on, **values | given)
    )


def make_order(db: Session, unit: Unit, *, officer: Person | None = None, **given: object) -> Order:
    """A draft of an ordinary order on the unit, from a meeting."""
    values = {
        "state": OrderState.DRAFT,
        "kind": OrderKind.NORMAL,
        "origin": Origin.MEETING,
        "about": About.UNIT,
        "matter": "加快标准厂房交付",
        "demand": "请明确交付时间并反馈。",
        "drafted_at": datetime(2026, 7, 1, 2, tzinfo=UTC),
        "level": 0,
    }
    officer_id = officer.id if officer else None
    return _add(db, Order(unit_id=unit.id, officer_id=officer_id, **values | given))


def make_claim(db: Session, lead: Lead, by: Person, **given: object) -> Claim:
    """A claim of a signing in July, returned to be corrected, without its history."""
    at = datetime(2026, 7, 10, 2, tzinfo=UTC)
    values = {
        "kind": ClaimKind.SIGNED,
        "state": ClaimState.RETURNED,
        "round": 1,
        "first_claimed_at": at,
        "claimed_at": at,
        "reached_on": date(2026, 7, 8),
        "counts_on": date(2026, 7, 8),
    }
    return _add(db, Claim(lead_id=lead.id, claimed_by_id=by.id, **values | given))


def make_problem_category(db: Session, name: str = "", **given: object) -> ProblemCategory:
    """A category without a unit of its own."""
    n = next(_numbers)
    values = {"code": f"c{n}", "name": name or f"类别{n}", "position": n}
    return _add(db, ProblemCategory(**values | given))


def make_problem(
    db: Session,
    raiser: Person,
    leads: Iterable[Lead],
    *,
    unit: Unit | None = None,
    person: Person | None = None,
    state: ProblemState = ProblemState.RAISED,
    **given: object,
) -> Problem:
    """A problem that was raised on 1 July and is due on the 30th, with its first entry."""
    category = db.scalars(select(ProblemCategory).limit(1)).first() or make_problem_category(db)
    is_solved = state is ProblemState.SOLVED
    values = {
        "ref": f"K{next(_numbers)}",
        "category_id": category.id,
        "matter": "用地指标未落实",
        "raised_at": clock.at_civil(date(2026, 7, 1)),
        "unit_id": (unit or make_unit(db)).id,
        "person_id": person.id if person else None,
        "due_on": date(2026, 7, 30),
        "passes": 0,
        "solved_by_id": person.id if person and is_solved else None,
    }
    problem = _add(db, Problem(raised_by_id=raiser.id, state=state, **values | given))
    db.add_all(ProblemLead(problem_id=problem.id, lead_id=lead.id) for lead in leads)
    stood = {"due_on": problem.due_on, "unit_id": problem.unit_id, "by_id": raiser.id}
    first = {"problem_id": problem.id, "kind": EntryKind.RAISED, "state": state}
    _add(db, ProblemEntry(at=problem.raised_at, **first, **stood))
    return problem
