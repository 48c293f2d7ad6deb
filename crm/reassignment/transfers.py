"""What becomes of each kind of thing: somebody takes it over, or it is settled (REGIME 2)."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from crm.followups.models import Followup
from crm.followups.service import hand_over_followup
from crm.leads.handover import Term, give_role_over
from crm.leads.models import LeadRole
from crm.people.models import Person
from crm.problems.handover import replace_owner
from crm.problems.models import Problem
from crm.reassignment.eligibility import Taking
from crm.reassignment.queries import OpenThing, Span
from crm.reassignment.rules import Thing
from crm.results.handover import replace_claimant
from crm.results.models import Claim
from crm.supervision.handover import replace_officer, replace_person
from crm.supervision.models import Order
from crm.visits.handover import cut_stay, give_place, give_up, give_visit
from crm.visits.models import Visit


def give(db: Session, taking: Taking, span: Span | None = None) -> None:
    """Let the successor have the thing; `span`: for the dates of an absence only."""
    _GIVE_BY_THING[taking.thing.kind](db, taking, span)
    db.flush()  # the next thing is checked against what this one has changed


def settle(
    db: Session, thing: OpenThing, leaver: Person, *, by: Person | None, now: datetime
) -> None:
    """Settle what nobody takes over; an order goes on without that person.

    A role, a claim or a follow-up that nobody may take waits for the next day: until then
    `leads.succession` names somebody on a restricted lead, who takes it.
    """
    match thing.kind:
        case Thing.ORDER_PERSON:
            replace_person(db, order=db.get_one(Order, thing.row_id), to=None, by=by, now=now)
        case Thing.ORDER_OFFICER:
            replace_officer(db, order=db.get_one(Order, thing.row_id), to=None, by=by, now=now)
        case Thing.PROBLEM:
            problem = db.get_one(Problem, thing.row_id)
            replace_owner(db, problem=problem, to=None, by=by, now=now)
        case Thing.JOINED:
            visit = db.get_one(Visit, thing.row_id)
            give_place(db, visit=visit, leaver=leaver, to=None, by=by, now=now)
        case Thing.STAY:
            cut_stay(db, visit=db.get_one(Visit, thing.row_id), to=None, by=by, now=now)
        case Thing.VISIT | Thing.BEGUN:
            give_up(db, visit=db.get_one(Visit, thing.row_id), by=by, now=now)


def _give_role(db: Session, taking: Taking, span: Span | None) -> None:
    """For good from today on, or for the dates of an absence."""
    held = db.get_one(LeadRole, taking.thing.row_id)
    term = Term(max(span.first, taking.on), span.last) if span else Term(taking.on)
    give_role_over(db, held=held, to=taking.to, term=term, by=taking.by, now=taking.now)


def _give_order_person(db: Session, taking: Taking, _span: Span | None) -> None:
    order = db.get_one(Order, taking.thing.row_id)
    replace_person(db, order=order, to=taking.to, by=taking.by, now=taking.now)


def _give_order_officer(db: Session, taking: Taking, _span: Span | None) -> None:
    order = db.get_one(Order, taking.thing.row_id)
    replace_officer(db, order=order, to=taking.to, by=taking.by, now=taking.now)


def _give_problem(db: Session, taking: Taking, _span: Span | None) -> None:
    problem = db.get_one(Problem, taking.thing.row_id)
    replace_owner(db, problem=problem, to=taking.to, by=taking.by, now=taking.now)


def _give_claim(db: Session, taking: Taking, _span: Span | None) -> None:
    claim = db.get_one(Claim, taking.thing.row_id)
    replace_claimant(db, claim=claim, to=taking.to, by=taking.by, now=taking.now)


def _give_followup(db: Session, taking: Taking, _span: Span | None) -> None:
    step = db.get_one(Followup, taking.thing.row_id)
    hand_over_followup(db, followup=step, to=taking.to, by=taking.by, now=taking.now)


def _give_visit(db: Session, taking: Taking, _span: Span | None) -> None:
    visit = db.get_one(Visit, taking.thing.row_id)
    give_visit(db, visit=visit, to=taking.to, by=taking.by, now=taking.now)


def _give_place(db: Session, taking: Taking, _span: Span | None) -> None:
    visit, leaver = db.get_one(Visit, taking.thing.row_id), taking.leaver
    give_place(db, visit=visit, leaver=leaver, to=taking.to, by=taking.by, now=taking.now)


def _give_stay(db: Session, taking: Taking, _span: Span | None) -> None:
    visit = db.get_one(Visit, taking.thing.row_id)
    cut_stay(db, visit=visit, to=taking.to, by=taking.by, now=taking.now)


# Only a role is given for the dates of an absence; all else is given for good.
_GIVE_BY_THING: Mapping[Thing, Callable[[Session, Taking, Span | None], None]] = {
    Thing.ROLE: _give_role,
    Thing.ORDER_PERSON: _give_order_person,
    Thing.ORDER_OFFICER: _give_order_officer,
    Thing.PROBLEM: _give_problem,
    Thing.CLAIM: _give_claim,
    Thing.FOLLOWUP: _give_followup,
    Thing.VISIT: _give_visit,
    Thing.JOINED: _give_place,
    Thing.STAY: _give_stay,
}
