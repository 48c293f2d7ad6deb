"""Rights handed on for a time (代理): dated, to one person, and never the delegate's own judge."""

from datetime import date
from functools import partial

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.errors import Refused
from crm.base.workdays import WorkingCalendar
from crm.people.accounts import disable_person, enable_person
from crm.people.delegations import (
    DelegationData,
    delegate,
    end_delegation,
    held_by,
    in_force,
)
from crm.people.models import Delegation, Person
from crm.people.permissions import viewer
from crm.people.rules import Role, stands_in_for
from crm.people.service import change_person
from crm.problems.service import StepInput
from crm.problems.service import take_step as take_problem_step
from crm.problems.workflow import Step as ProblemStep
from crm.supervision.permissions import require_step
from crm.supervision.rules import OrderState
from crm.supervision.service import take_step
from crm.supervision.workflow import Step
from crm.visits.verdicts import confirm_visit, reject_visit
from tests.conftest import NOW
from tests.factories import (
    make_lead,
    make_order,
    make_person,
    make_problem,
    make_unit,
    make_visit,
)

TODAY = NOW.date()
LAST = date(2026, 7, 20)
BEFORE, AFTER = date(2026, 7, 14), date(2026, 7, 21)


class Zone:
    """A supervisor on leave, a colleague who stands in, and a recruiter of the supervisor's."""

    def __init__(self, db):
        self.db = db
        self.bureau, self.other = make_unit(db, "招商局"), make_unit(db, "建设局")
        self.wu = make_person(db, "wu", role=Role.SUPERVISOR, unit=self.bureau)
        self.li = make_person(db, "li", unit=self.other)
        self.shen = make_person(db, "shen", unit=self.bureau)

    def delegate(self, **given):
        values = {"agent_id": self.li.id, "from_on": TODAY, "to_on": LAST, "reason": "休假"}
        by = given.pop("by", self.wu)
        return delegate(self.db, data=DelegationData(**values | given), by=by, now=NOW)

    def order_under_way(self):
        """An order on the bureau, of which the supervisor is officer and overseer at once."""
        order = make_order(self.db, self.bureau, officer=self.wu, person_id=self.shen.id)
        for step in (Step.ISSUE, Step.RECEIVE):
            take_step(self.db, order=order, step=step, by=self.wu, now=NOW)
        return order

    def refused(self, **given):
        with pytest.raises(Refused) as refused:
            self.delegate(**given)
        return refused.value.code


@pytest.fixture
def zone(db):
    return Zone(db)


def test_the_delegate_judges_in_the_scope_of_whoever_is_away_and_the_trail_says_for_whom(zone, db):
    visit = make_visit(db, zone.shen, date(2026, 7, 1))
    zone.delegate()

    confirm_visit(db, visit=visit, by=zone.li, now=NOW)

    assert visit.verdict_by_id == zone.li.id
    after = select(AuditEntry.after).where(AuditEntry.action == "visit.confirmed")
    assert f'"on_behalf_of_id": {zone.wu.id}' in db.scalars(after).one()


@pytest.mark.parametrize("of", ["li", "wu"])
def test_nobody_judges_for_another_a_visit_of_their_own_or_of_that_one(zone, db, of):
    visit = make_visit(db, getattr(zone, of), date(2026, 7, 1), participants=[zone.shen])
    zone.delegate()

    with pytest.raises(Refused) as refused:
        reject_visit(db, visit=visit, reason="不实", by=zone.li, now=NOW)

    assert refused.value.code == "not_yours"


def test_without_one_and_outside_its_scope_nothing_is_judged(zone, db):
    elsewhere = make_visit(db, make_person(db, unit=zone.other), date(2026, 7, 1))
    zone.delegate()

    with pytest.raises(Refused):
        confirm_visit(db, visit=elsewhere, by=zone.li, now=NOW)
    end_delegation(db, delegation=db.scalars(select(Delegation)).one(), by=zone.li, now=NOW)
    visit = make_visit(db, zone.shen, date(2026, 7, 1))
    with pytest.raises(Refused):
        confirm_visit(db, visit=visit, by=zone.li, now=NOW)


def test_an_order_is_dispatched_for_another_but_none_about_oneself(zone, db):
    given = {"officer": zone.wu, "drafted_by_id": zone.shen.id, "state": OrderState.DRAFT}
    order = make_order(db, zone.bureau, **given)
    own = make_order(db, zone.bureau, **given, person_id=zone.li.id)
    zone.delegate()

    assert require_step(db, order=order, step=Step.ISSUE, by=zone.li, now=NOW) == zone.wu.id
    with pytest.raises(Refused):
        require_step(db, order=own, step=Step.ISSUE, by=zone.li, now=NOW)


def test_what_a_delegate_answered_its_owner_does_not_accept_nor_does_another_delegate(zone, db):
    second = make_person(db, "zhao", unit=zone.other)
    order = zone.order_under_way()
    given = zone.delegate()
    take_step(db, order=order, step=Step.ANSWER, by=zone.li, now=NOW, text="已交付")
    end_delegation(db, delegation=given, by=zone.wu, now=NOW)
    zone.delegate(agent_id=second.id)

    for who in (zone.wu, second):
        with pytest.raises(Refused) as refused:
            take_step(db, order=order, step=Step.ACCEPT, by=who, now=NOW, text="核实")
        assert refused.value.code == "same_person"


def test_what_its_owner_answered_a_delegate_does_not_accept(zone, db):
    order = zone.order_under_way()
    zone.delegate()
    take_step(db, order=order, step=Step.ANSWER, by=zone.wu, now=NOW, text="已交付")

    with pytest.raises(Refused) as refused:
        take_step(db, order=order, step=Step.ACCEPT, by=zone.li, now=NOW, text="核实")

    assert refused.value.code == "same_person"


def test_an_extension_that_a_delegate_asked_for_its_owner_does_not_grant(zone, db):
    order = zone.order_under_way()
    zone.delegate()
    later = date(2026, 8, 20)
    take_step(db, order=order, step=Step.EXTEND, by=zone.li, now=NOW, text="雨季", new_due_on=later)

    with pytest.raises(Refused) as refused:
        take_step(db, order=order, step=Step.GRANT, by=zone.wu, now=NOW)

    assert refused.value.code == "same_person"


def test_an_order_that_a_delegate_issued_stays_its_owners(zone, db):
    order = make_order(db, zone.bureau, officer=zone.wu, person_id=zone.shen.id)
    given = zone.delegate()
    take_step(db, order=order, step=Step.ISSUE, by=zone.li, now=NOW)
    end_delegation(db, delegation=given, by=zone.wu, now=NOW)
    take_step(db, order=order, step=Step.RECEIVE, by=zone.shen, now=NOW)
    take_step(db, order=order, step=Step.ANSWER, by=zone.shen, now=NOW, text="已交付")

    assert order.issued_by_id == zone.wu.id
    with pytest.raises(Refused) as refused:
        take_step(db, order=order, step=Step.ACCEPT, by=zone.li, now=NOW, text="核实")
    assert refused.value.code == "not_yours"


def test_a_problem_that_a_delegate_took_and_solved_is_its_owners_who_does_not_close_it(zone, db):
    problem = make_problem(db, zone.wu, [make_lead(db)], unit=zone.bureau)
    given = zone.delegate()
    step = partial(take_problem_step, db, problem=problem, calendar=WorkingCalendar(), now=NOW)
    step(step=ProblemStep.TAKE, by=zone.li)
    owner_id = problem.person_id
    problem.person_id = zone.shen.id  # passed on within the unit since: no bar by itself
    step(step=ProblemStep.SOLVE, by=zone.li, given=StepInput(text="已批"))
    end_delegation(db, delegation=given, by=zone.wu, now=NOW)

    assert owner_id == zone.wu.id
    with pytest.raises(Refused) as refused:
        step(step=ProblemStep.CLOSE, by=zone.wu, given=StepInput(text="核实"))
    assert refused.value.code == "not_by_solver"


def test_it_gives_no_units_to_see(zone, db):
    zone.delegate()

    seeing = viewer(db, zone.li, TODAY)

    assert not seeing.unit_ids
    assert not seeing.oversees


def test_what_somebody_has_as_a_delegate_is_not_handed_on(zone, db):
    second = make_person(db, "zhao", role=Role.SUPERVISOR, unit=zone.other)
    zone.delegate(agent_id=second.id)
    zone.delegate(agent_id=zone.li.id, by=second)

    assert [each.person_id for each in viewer(db, zone.li, TODAY).principals] == [second.id]


@pytest.mark.parametrize("role", [Role.READER, Role.AUDITOR, Role.ADMIN, Role.SECURITY_ADMIN])
def test_readers_auditors_and_admins_neither_give_nor_have_one(zone, db, role):
    other = make_person(db, role=role)

    assert zone.refused(agent_id=other.id) == "cannot_stand_in"
    assert zone.refused(by=other) == "not_yours"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"to_on": BEFORE}, "last_day_before_first"),
        ({"from_on": date(2026, 7, 1), "to_on": BEFORE}, "delegation_is_over"),
        ({"reason": " "}, "required"),
        ({"agent_id": 999_999}, "no_such_person"),
    ],
)
def test_dates_and_a_reason_are_asked_for(zone, given, code):
    assert zone.refused(**given) == code


def test_one_at_a_time_for_two_people(zone):
    zone.delegate()

    assert zone.refused() == "delegation_there"


@pytest.mark.parametrize("of", ["li", "wu"])
def test_it_ends_with_either_account_and_does_not_come_back(zone, db, of):
    given, person = zone.delegate(), getattr(zone, of)

    disable_person(db, person=person, at=NOW, by=None, now=NOW)
    enable_person(db, person=person, by=None, now=NOW)

    assert given.ended_at == NOW
    assert held_by(db, zone.li.id, TODAY) == []


@pytest.mark.parametrize("of", ["li", "wu"])
def test_it_ends_with_a_role_that_may_not_give_or_have_one(zone, db, of):
    given, person = zone.delegate(), getattr(zone, of)

    known = {"name": person.name, "email": None, "phone": None}
    change_person(db, person=person, **known, role=Role.READER, by=None, now=NOW)

    assert given.ended_at == NOW


@pytest.mark.parametrize("by", [Role.SECURITY_ADMIN, Role.ADMIN, "li", "wu"])
def test_either_or_an_admin_ends_it_and_nobody_else(zone, db, by):
    given = zone.delegate()
    with pytest.raises(Refused):
        end_delegation(db, delegation=given, by=zone.shen, now=NOW)

    who = make_person(db, role=by) if isinstance(by, Role) else getattr(zone, by)

    assert end_delegation(db, delegation=given, by=who, now=NOW)
    assert not end_delegation(db, delegation=given, by=who, now=NOW)


@pytest.mark.parametrize("on", [BEFORE, TODAY, LAST, AFTER])
def test_the_rule_and_the_condition_say_the_same(zone, db, on):
    given = zone.delegate()

    holds = db.scalar(select(Delegation.id).where(in_force(on))) is not None

    assert holds == stands_in_for(given, owner=zone.wu, agent=zone.li, on=on)
    assert holds == (TODAY <= on <= LAST)
    assert db.get_one(Person, zone.wu.id).role is Role.SUPERVISOR
