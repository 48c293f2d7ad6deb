"""Buttons, service and waiting lists of claims agree, whoever looks (PROJECTS 0 and 7)."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.permissions import viewer
from crm.results.contents import Decision
from crm.results.deciders import deciders
from crm.results.models import Claim
from crm.results.permissions import (
    actor_conditions,
    claim_scope,
    may_see,
    may_take,
    require_step,
    situation_of,
)
from crm.results.queries import waiting_for
from crm.results.rules import ClaimState, Flag
from crm.results.service import take_step
from crm.results.workflow import CLAIM_WORKFLOW, STEP_OF_WAIT, Actor, Condition, Step, Wait
from tests.conftest import NOW
from tests.factories import make_role
from tests.results.conftest import claimed, lead_it, project

ON = civil_date(NOW)
PEOPLE = ("officer", "second", "economist", "chief", "li", "wang", "leader", "admin", "reader")
STATES = {
    ClaimState.CLAIMED: (),
    ClaimState.RETURNED: ((Step.RETURN, Decision(reason="缺附件")),),
    ClaimState.RECOGNISED: (
        (Step.RECOGNISE, Decision(amount=Decimal(1_200_000_000), basis="原件")),
    ),
}
LISTED = [step for step in Step if step not in (Step.CLAIM, Step.FLAG, Step.NAME)]


def usual(db, zone):
    return project(db, zone)


def of_the_office(db, zone):
    return project(db, zone, unit=zone.office)


def tracked_by_an_officer(db, zone):
    lead = project(db, zone, tracker=zone.officer)
    make_role(db, lead, LeadRoleKind.TASK_FORCE_HEAD, person=zone.wang)
    return lead


def led_by_a_supervisor(db, zone):
    lead = project(db, zone)
    lead_it(db, lead, zone.second)
    return lead


def internal(db, zone):
    return project(db, zone, secrecy=Secrecy.INTERNAL)


def restricted(db, zone):
    lead = project(db, zone, secrecy=Secrecy.RESTRICTED)
    make_role(db, lead, LeadRoleKind.TASK_FORCE_MEMBER, person=zone.second)
    return lead


def ask(db, conditions):
    """Of SQL conditions by name, those that hold for the only claim."""
    labelled = [condition.label(f"mark_{n}") for n, condition in enumerate(conditions.values())]
    marks = db.execute(select(*labelled).select_from(Claim)).one()
    return {name for name, mark in zip(conditions, marks, strict=True) if mark}


LEADS = (usual, of_the_office, tracked_by_an_officer, led_by_a_supervisor, internal, restricted)
# make test-slow pairs every lead with every state
PAIRS = [
    (lead_of, state)
    if lead_of in (usual, restricted) or state is ClaimState.CLAIMED
    else pytest.param(lead_of, state, marks=pytest.mark.slow)
    for lead_of in LEADS
    for state in STATES
]


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize(("lead_of", "state"), PAIRS)
def test_lists_buttons_and_service_say_the_same_of_everybody(db, zone, lead_of, state):
    lead = lead_of(db, zone)
    row = claimed(db, lead, zone.li if lead_of is not tracked_by_an_officer else zone.officer)
    named = deciders(db, [row], NOW)[row.id] or [zone.leader.id]
    row.named_id = None if deciders(db, [row], NOW)[row.id] else zone.leader.id
    for step, decision in STATES[state]:
        by = next(getattr(zone, name) for name in PEOPLE if getattr(zone, name).id in named)
        take_step(db, row=row, step=step, by=by, now=NOW, decision=decision)
    if state is ClaimState.RECOGNISED:
        row.flag, row.flagged_at = Flag.DATE, NOW
    db.flush()

    for person in (getattr(zone, name) for name in PEOPLE):
        scope = claim_scope(db, viewer(db, person, ON), ON)
        situation = situation_of(db, scope, row, NOW)
        actors = ask(db, actor_conditions(scope))
        is_seen = may_see(db, scope, row.id)
        steps = CLAIM_WORKFLOW.steps(situation) if is_seen else set()
        conditions = {step: may_take(step, actor_conditions(scope)) for step in LISTED}
        listed = ask(db, conditions) if is_seen else set()
        waits = {item.wait for item in waiting_for(db, scope, NOW)}

        assert actors == situation.actors, person.username
        assert listed == steps - {Step.NAME}, person.username
        assert {STEP_OF_WAIT[wait] for wait in waits} <= steps, person.username
        assert (person.id in deciders(db, [row], NOW)[row.id]) == (
            (Step.RECOGNISE in steps or Step.CONFIRM in steps)
            if state is not ClaimState.RETURNED
            else person.id in deciders(db, [row], NOW)[row.id]
        ), person.username
        for step in set(Step) - steps - {Step.CLAIM, Step.FLAG}:
            with pytest.raises(Refused):
                require_step(db, claim=row, step=step, by=person, now=NOW)


def test_a_claim_without_anybody_to_decide_waits_for_the_admin(db, zone):
    row = claimed(db, project(db, zone, unit=zone.office), zone.li)
    scope = claim_scope(db, viewer(db, zone.admin, ON), ON)

    assert [item.wait for item in waiting_for(db, scope, NOW)] == [Wait.NAME]
    assert Condition.NOBODY in situation_of(db, scope, row, NOW).conditions
    assert Actor.ADMIN in situation_of(db, scope, row, NOW).actors
