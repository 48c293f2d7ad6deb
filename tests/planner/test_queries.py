"""What is proposed to whom: candidates, free half-days, what may be seen (ENTRY 3, REGIME 2)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.errors import Refused
from crm.leads.rules import LeadRoleKind, Secrecy, Stage
from crm.people.permissions import viewer
from crm.people.rules import Duty, Role
from crm.planner.queries import Asked, may_plan_for, suggestions
from crm.planner.rules import Half, Why
from crm.planner.service import plan_visits
from crm.visits.fields import CompanyMet
from crm.visits.models import Trip
from crm.visits.rules import Kind, Status
from tests.conftest import NOW
from tests.factories import (
    make_absence,
    make_company,
    make_followup,
    make_lead,
    make_person,
    make_plan,
    make_problem,
    make_role,
    make_unit,
    make_visit,
)

TODAY = date(2026, 7, 15)  # Wednesday 10:00
DAY = timedelta(days=1)


@pytest.fixture
def top(db):
    return make_unit(db, "开发区")


@pytest.fixture
def lina(db, top):
    return make_person(db, "lina", unit=make_unit(db, "一局", parent=top))


def found(db, person, by=None, **asked):
    me = viewer(db, by or person, TODAY)
    return suggestions(db, Asked(me, person, NOW, **asked))


def titles(found):
    return [found.names[each.candidate.lead_id].title for each in found.plan.proposals]


def test_leads_of_the_person_up_to_the_signing_are_candidates(db, lina):
    make_lead(db, "跟踪", tracker=lina)
    make_role(db, make_lead(db, "挂钩"), LeadRoleKind.ATTACHED_LEADER, person=lina)
    make_role(db, make_lead(db, "专班"), LeadRoleKind.TASK_FORCE_MEMBER, person=lina)
    make_lead(db, "开工", tracker=lina, stage=Stage.STARTED)
    make_lead(db, "搁置", tracker=lina, stage=Stage.PARKED)
    make_lead(db, "他人")

    assert {*titles(found(db, lina))} == {"跟踪", "挂钩", "专班"}


def test_a_principal_is_also_proposed_major_leads_that_no_leader_visited_for_30_days(db, top):
    yan = make_person(db, "yan", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=top)
    deputy = make_person(db, "tan", role=Role.LEADER, duty=Duty.DEPUTY, unit=top)
    make_lead(db, "小项目", yi="9")
    visited = make_lead(db, "走访过", yi="12")
    make_visit(db, deputy, TODAY - 30 * DAY, leads=[visited])
    long_ago = make_lead(db, "久未走访", yi="12")
    make_visit(db, deputy, TODAY - 31 * DAY, leads=[long_ago])

    assert titles(found(db, yan)) == ["久未走访"]
    assert found(db, deputy).plan.proposals == ()


def test_what_anybody_plans_or_the_person_visited_is_left_out(db, lina):
    planned, visited = make_lead(db, tracker=lina), make_lead(db, tracker=lina)
    other = make_person(db)
    make_visit(db, other, TODAY + 7 * DAY, leads=[planned], status=Status.PLANNED)
    make_visit(db, other, TODAY - 5 * DAY, leads=[visited], participants=[lina])
    seen_by_others = make_lead(db, "他人走访", tracker=lina)
    make_visit(db, other, TODAY - DAY, leads=[seen_by_others])

    made = found(db, lina)

    assert titles(made) == ["他人走访"]
    assert (made.plan.theirs, made.plan.planned, made.plan.visited) == (3, 1, 1)


def test_the_reasons_come_from_the_records(db, lina):
    lead = make_lead(db, tracker=lina, yi="12", stage=Stage.NEGOTIATING)
    make_followup(db, lead, lina, TODAY + DAY, what="送测算表")
    make_plan(db, lead, Stage.SIGNED, TODAY + 30 * DAY)
    make_problem(db, make_person(db), [lead], person=lina)

    [proposal] = found(db, lina).plan.proposals

    assert [reason.why for reason in proposal.reasons] == [Why.STEP, Why.PROBLEM, Why.SIGNING]


def test_only_free_half_days_are_proposed(db, lina):
    for _ in range(10):
        make_lead(db, tracker=lina)
    make_absence(db, lina, TODAY + DAY, TODAY + DAY)
    make_visit(db, lina, TODAY + 2 * DAY, status=Status.PLANNED)

    slots = [(each.slot.on, each.slot.half) for each in found(db, lina).plan.proposals]

    assert slots[0] == (TODAY, Half.AFTERNOON)  # the morning has begun
    assert {on for on, _ in slots} == {TODAY, TODAY + 5 * DAY, TODAY + 6 * DAY, TODAY + 7 * DAY}


def test_rest_days_serve_where_they_are_asked_for(db, lina):
    make_lead(db, tracker=lina)
    saturday = date(2026, 7, 18)
    make_absence(db, lina, TODAY, saturday - DAY)

    [proposal] = found(db, lina, last=saturday, rest_days=True).plan.proposals

    assert proposal.slot.on == saturday
    assert found(db, lina, last=saturday).plan.proposals == ()


def test_a_supervisor_is_told_nothing_of_leads_hidden_from_them(db, lina, top):
    watch = make_person(db, "wu", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=top)
    make_lead(db, "公开", tracker=lina)
    make_lead(db, "限知", tracker=lina, secrecy=Secrecy.RESTRICTED)

    assert titles(found(db, lina, by=watch)) == ["公开"]
    assert len(titles(found(db, lina))) == 2


def test_one_plans_for_oneself_and_a_supervisor_for_the_people_in_scope(db, lina, top):
    watch = make_person(db, "wu", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=top)
    elsewhere = make_person(db, role=Role.SUPERVISOR, duty=Duty.STAFF)
    leader = make_person(db, role=Role.LEADER, duty=Duty.DEPUTY, unit=top)
    who = {
        name: may_plan_for(db, viewer(db, person, TODAY), lina, TODAY)
        for name, person in (("lina", lina), ("wu", watch), ("other", elsewhere), ("head", leader))
    }

    assert who == {"lina": True, "wu": True, "other": False, "head": False}


def test_the_plan_has_lead_person_met_next_step_and_a_trip(db, lina):
    leads = [make_lead(db, tracker=lina) for _ in range(2)]
    for lead in leads:
        met = CompanyMet(lead.company_id, met="王总", position="总经理")
        make_visit(db, make_person(db), TODAY - 9 * DAY, leads=[lead], companies=[met], city="上海")
        make_followup(db, lead, lina, TODAY + DAY, what="送测算表")
    made = found(db, lina)
    plan = {"person": lina, "names": made.names, "key": "V1", "by": lina, "now": NOW}

    visits = plan_visits(db, proposals=made.plan.proposals, **plan)
    again = plan_visits(db, proposals=made.plan.proposals, **plan)

    assert again == visits
    assert {(v.kind, v.status, v.city, v.met) for v in visits} == {
        (Kind.OUTREACH, Status.PLANNED, "上海", "王总")
    }
    assert {v.note for v in visits} == {"待办：送测算表（7月16日前）"}
    trip = db.scalars(select(Trip)).one()
    assert {v.trip for v in visits} == {trip.ref}
    assert (trip.destination, trip.first_on, trip.last_on) == (
        "上海",
        made.plan.proposals[0].slot.on,
        made.plan.proposals[1].slot.on,
    )
    assert found(db, lina).plan.planned == 2


def test_a_city_unknown_from_visits_is_assumed_by_the_company(db, lina):
    make_lead(db, tracker=lina, company=make_company(db, "苏州溟南显示有限公司"))

    [proposal] = found(db, lina).plan.proposals

    assert (proposal.candidate.city, proposal.candidate.is_city_assumed) == ("苏州", True)
    with pytest.raises(Refused, match="no_city"):
        plan_visits(
            db,
            person=lina,
            proposals=[replace(proposal, candidate=replace(proposal.candidate, city=""))],
            names={},
            key="V",
            by=lina,
            now=NOW,
        )
