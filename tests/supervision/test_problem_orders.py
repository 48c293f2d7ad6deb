"""A problem overdue for three working days becomes a draft of an order, once (PROJECTS 5)."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.outbox import Message, MessageKind
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.models import Person
from crm.problems.rules import ProblemState
from crm.supervision.models import Order
from crm.supervision.problem_orders import draft_from_problems, order_of_problem, problem_of_order
from crm.supervision.rules import About, OrderState, Origin
from tests.factories import make_lead, make_problem, make_role

# due on Thursday 9 July: overdue on Friday, three working days later is Wednesday
DUE, BEFORE, THEN = date(2026, 7, 9), date(2026, 7, 14), date(2026, 7, 15)


@pytest.fixture
def draft(db, site):
    return lambda on=THEN: dict(draft_from_problems(db, at=at_civil(on), late=False, site=site))


@pytest.fixture
def lead(db, zone):
    return make_lead(db, "新厂房", unit=zone.team, tracker=zone.wang)


def problem_of(db, zone, lead, **given):
    values = {"unit": zone.team, "person": zone.li, "due_on": DUE, "state": ProblemState.TAKEN}
    return make_problem(db, zone.wang, [lead], **values | given)


def test_three_working_days_after_it_became_overdue_an_order_is_drafted_once(db, zone, lead, draft):
    problem = problem_of(db, zone, lead)

    assert draft(BEFORE) == {}
    assert draft() == {"problem_drafts": 1}
    assert draft(date(2026, 8, 20)) == {}

    order = order_of_problem(db, problem)
    assert problem_of_order(db, order) is problem
    assert (order.state, order.origin, order.about) == (
        OrderState.DRAFT,
        Origin.PROBLEM,
        About.PROBLEM,
    )
    assert (order.unit_id, order.person_id, order.lead_id) == (zone.team.id, zone.li.id, lead.id)
    assert order.officer_id == zone.head.id
    told = select(Person.username).join(Message).where(Message.kind == MessageKind.ORDER)
    assert set(db.scalars(told)) == {"head"}


@pytest.mark.parametrize("state", [ProblemState.SOLVED, ProblemState.WITHDRAWN])
def test_a_problem_that_waits_for_others_than_its_owner_makes_no_order(
    db, zone, lead, draft, state
):
    problem_of(db, zone, lead, state=state)

    assert draft() == {}


def test_an_order_of_an_internal_lead_can_be_answered_by_the_owner_unit(db, zone, lead, draft):
    lead.secrecy = Secrecy.INTERNAL
    problem = problem_of(db, zone, lead)
    draft()

    assert order_of_problem(db, problem).lead_id is None


def test_of_a_restricted_lead_only_somebody_named_on_it_is_the_officer(db, zone, lead, draft):
    lead.secrecy, lead.code_name = Secrecy.RESTRICTED, "晨星"
    problem = problem_of(db, zone, lead)
    assert draft() == {}

    make_role(db, lead, LeadRoleKind.TASK_FORCE_HEAD, person=zone.chief)
    assert draft() == {"problem_drafts": 1}
    order = order_of_problem(db, problem)
    assert (order.lead_id, order.officer_id) == (lead.id, zone.chief.id)
    assert db.scalars(select(Order)).all() == [order]
