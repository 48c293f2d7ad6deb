"""Who may take over what; refusals say why, thing by thing (REGIME 2)."""

from collections.abc import Callable, Mapping
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import first_unseen_dates, may_see
from crm.leads.rules import Secrecy
from crm.people.models import Person, Posting
from crm.people.permissions import viewer
from crm.people.rules import OVERSEEING, WITH_RECORDS
from crm.problems.permissions import may_know as may_know_problem
from crm.reassignment.queries import OpenThing
from crm.reassignment.rules import Thing
from crm.results.models import Claim
from crm.supervision.models import Order


@value_class
class Taking:
    """Somebody is to take over a thing from the leaver."""

    thing: OpenThing
    leaver: Person
    to: Person
    by: Person | None
    now: datetime

    @property
    def on(self) -> date:
        """The civil date."""
        return civil_date(self.now)

    def refused(self, code: str) -> Refused:
        """The refusal, at the field of the thing."""
        return Refused(code, field=self.thing.key, name=self.to.name)


def require_fit(db: Session, taking: Taking) -> None:
    """Refuse whoever cannot take it over.

    As `successor_leaves`, `successor_sees_not`, `own_succession`, `successor_not_posted`,
    `successor_on_other_side`, `officer_oversees_not`, `successor_decides`.
    """
    to = taking.to
    # also whoever leaves later: it would have to be handed over again
    if to.id == taking.leaver.id or to.disabled_at or to.role not in WITH_RECORDS:
        raise taking.refused("successor_leaves")
    _CHECKS[taking.thing.kind](db, taking)


def is_fit(db: Session, taking: Taking) -> bool:
    """Whether they can take it over."""
    try:
        require_fit(db, taking)
    except Refused:
        return False
    return True


def _check_role(db: Session, taking: Taking) -> None:
    """A role on a restricted lead goes to somebody named on it, unless only the leaver was."""
    lead = db.get_one(LeadRole, taking.thing.row_id).lead_id
    if db.get_one(Lead, lead).secrecy is not Secrecy.RESTRICTED or _sees(db, taking, lead):
        return
    if not first_unseen_dates(db, taking.on, lead_ids=[lead], without=taking.leaver.id):
        raise taking.refused("successor_sees_not")
    # nobody gives themself the sight of a restricted lead
    if taking.by and taking.by.id == taking.to.id:
        raise taking.refused("own_succession")


def _check_leads(db: Session, taking: Taking) -> None:
    if not all(_sees(db, taking, lead_id) for lead_id in taking.thing.lead_ids):
        raise taking.refused("successor_sees_not")


def _check_visit(db: Session, taking: Taking) -> None:
    # whoever leads a visit needs a posting: its unit decides who may judge it
    posted = select(Posting.id).where(Posting.person_id == taking.to.id).limit(1)
    if db.scalar(posted) is None:
        raise taking.refused("successor_not_posted")
    _check_leads(db, taking)


def _check_order_person(db: Session, taking: Taking) -> None:
    order = db.get_one(Order, taking.thing.row_id)
    # REGIME 5: who answers an order is another than who accepts it
    if taking.to.id in (order.officer_id, order.issued_by_id):
        raise taking.refused("successor_on_other_side")
    _check_leads(db, taking)


def _check_order_officer(db: Session, taking: Taking) -> None:
    order = db.get_one(Order, taking.thing.row_id)
    if taking.to.role not in OVERSEEING:
        raise taking.refused("officer_oversees_not")
    # REGIME 5: who accepts an answer is another than who gave it
    if taking.to.id in (order.person_id, order.answered_by_id, order.answered_for_id):
        raise taking.refused("successor_on_other_side")
    _check_leads(db, taking)


def _check_problem(db: Session, taking: Taking) -> None:
    # its leads may hide from who owns it, but for restricted ones
    to = viewer(db, taking.to, taking.on)
    if not may_know_problem(db, to, taking.thing.row_id, taking.on):
        raise taking.refused("successor_sees_not")


def _check_claim(db: Session, taking: Taking) -> None:
    claim = db.get_one(Claim, taking.thing.row_id)
    # PROJECTS 7: who decided on it is another than whoever claims
    if taking.to.id in (claim.decided_by_id, claim.named_id):
        raise taking.refused("successor_decides")
    _check_leads(db, taking)


def _sees(db: Session, taking: Taking, lead_id: int) -> bool:
    return may_see(db, viewer(db, taking.to, taking.on), lead_id, taking.on)


_CHECKS: Mapping[Thing, Callable[[Session, Taking], None]] = {
    Thing.ROLE: _check_role,
    Thing.ORDER_PERSON: _check_order_person,
    Thing.ORDER_OFFICER: _check_order_officer,
    Thing.PROBLEM: _check_problem,
    Thing.CLAIM: _check_claim,
    Thing.FOLLOWUP: _check_leads,
    Thing.VISIT: _check_visit,
    Thing.JOINED: _check_visit,
    Thing.STAY: _check_visit,
}
