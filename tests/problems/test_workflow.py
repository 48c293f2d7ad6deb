"""Buttons, service, waiting lists and mails of problems agree, whoever looks (PROJECTS 5)."""

from types import SimpleNamespace

import pytest
from sqlalchemy import select

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.leads.rules import Secrecy
from crm.people.permissions import viewer
from crm.problems.assignees import (
    assignees,
    is_stuck,
    require_step,
    steps_of,
    waiting_for,
)
from crm.problems.models import Problem, ProblemEntry, ProblemLead, ProblemUnit
from crm.problems.naming import namers
from crm.problems.notifications import readers_of
from crm.problems.permissions import (
    actor_conditions,
    conditions_of,
    may_see,
    may_take,
    onlooker,
)
from crm.problems.rules import OVER, EntryKind, ProblemState
from crm.problems.workflow import PROBLEM_WORKFLOW, STEP_OF_WAIT, Actor, Step
from tests.conftest import NOW
from tests.problems.conftest import DUE

ON = civil_date(NOW)
PEOPLE = (
    *("top", "leader", "officer", "head", "builder", "mason", "econ", "li", "wang", "admin"),
    *("porter", "reader"),
)
# who is what to the problem; `gone` are closed accounts
ARRANGEMENTS = {
    "the usual": {"owner": "mason"},
    "no person owns it yet": {},
    "the owner raised it": {"raiser": "mason", "owner": "mason", "solver": "mason"},
    "the tracker owns it": {"owner": "li", "unit": "team", "solver": "li"},
    "the officer owns it": {"owner": "officer", "unit": "office", "solver": "officer"},
    "a delegate solved it for the raiser": {"owner": "mason", "solver": "builder", "chair": "wang"},
    "who could close it has left": {"owner": "mason", "gone": ["wang", "li"]},
    "nor has the raiser a supervisor": {
        "owner": "mason",
        "gone": ["wang", "li", "head", "officer", "top"],
    },
    "an admin named somebody": {
        "owner": "mason",
        "gone": ["wang", "li", "head", "officer", "top"],
        "named": "leader",
    },
    "the owner's unit is empty": {"owner": "mason", "gone": ["mason", "builder"]},
    "nobody oversees in the owner's unit": {"unit": "yard"},
    "of a restricted lead": {"owner": "mason", "secrecy": Secrecy.RESTRICTED},
}
# the state, how often it was passed on, whether it is before the officers, what happened last
SITUATIONS = {
    "raised": (ProblemState.RAISED, 0, False, EntryKind.RAISED),
    "passed on once": (ProblemState.PASSED_ON, 1, False, EntryKind.PASSED_ON),
    "passed on twice": (ProblemState.PASSED_ON, 2, False, EntryKind.PASSED_ON),
    "referred": (ProblemState.PASSED_ON, 2, True, EntryKind.REFERRED),
    "assigned": (ProblemState.PASSED_ON, 3, False, EntryKind.ASSIGNED),
    "taken": (ProblemState.TAKEN, 0, False, EntryKind.TAKEN),
    "solved": (ProblemState.SOLVED, 0, False, EntryKind.SOLVED),
    "shelved": (ProblemState.SHELVED, 0, False, EntryKind.SHELVED),
    "closed": (ProblemState.CLOSED, 0, False, EntryKind.CLOSED),
    "withdrawn": (ProblemState.WITHDRAWN, 0, False, EntryKind.WITHDRAWN),
}


# each has SQL of its own, which two of them run on PostgreSQL as well
ON_BOTH = ("the usual", "of a restricted lead")
PARAMS = [
    name if name in ON_BOTH else pytest.param(name, marks=pytest.mark.slow_on_postgresql)
    for name in ARRANGEMENTS
]
# where the buttons differ most; make test-slow tries the service in all arrangements
DIFFERENT = {
    "the usual",
    "a delegate solved it for the raiser",
    "nor has the raiser a supervisor",
    "of a restricted lead",
}
LOOKED_AT = [
    name if name in DIFFERENT else pytest.param(name, marks=pytest.mark.slow)
    for name in ARRANGEMENTS
]


@pytest.fixture(params=PARAMS)
def cases(db, zone, request):
    """A problem in each situation, with the people of one arrangement."""
    parties = ARRANGEMENTS[request.param]
    for username in parties.get("gone", ()):
        getattr(zone, username).disabled_at = NOW
    if "secrecy" in parties:
        zone.lead.secrecy, zone.lead.code_name = parties["secrecy"], "晨星"
    db.flush()
    return [_case(db, zone, parties, name) for name in SITUATIONS]


def _case(db, zone, parties, name):
    state, passes, is_referred, kind = SITUATIONS[name]
    named = {
        who: getattr(zone, parties[who]).id
        for who in ("owner", "solver", "named", "chair")
        if who in parties
    }
    is_solved = state in (ProblemState.SOLVED, ProblemState.CLOSED)
    problem = Problem(
        ref=f"K-{name}",
        state=state,
        category_id=zone.land.id,
        matter="用地指标未落实",
        raised_at=NOW,
        raised_by_id=getattr(zone, parties.get("raiser", "wang")).id,
        raised_unit_id=zone.team.id,
        unit_id=getattr(zone, parties.get("unit", "builders")).id,
        person_id=named.get("owner"),
        due_on=DUE,
        passes=passes,
        referred_at=NOW if is_referred else None,
        again_on=DUE if state is ProblemState.SHELVED else None,
        solved_at=NOW if is_solved else None,
        solved_by_id=named.get("solver", zone.builder.id) if is_solved else None,
        solved_for_id=named.get("chair") if is_solved else None,
        named_id=named.get("named"),
        basis="已批" if state is ProblemState.CLOSED else None,
    )
    db.add(problem)
    db.flush()
    db.add(ProblemLead(problem_id=problem.id, lead_id=zone.lead.id))
    db.add(ProblemUnit(problem_id=problem.id, unit_id=zone.economy.id))
    entry = ProblemEntry(
        problem_id=problem.id, kind=kind, state=state, due_on=DUE, unit_id=problem.unit_id, at=NOW
    )
    db.add(entry)
    db.flush()
    return SimpleNamespace(name=name, problem=problem, entry=entry)


@pytest.fixture
def seen(db, zone, cases):
    """Each person of an open account with each case, and how a failure names the two."""
    people = [getattr(zone, name) for name in PEOPLE]
    looking = [
        onlooker(db, viewer(db, person, ON), ON) for person in people if not person.disabled_at
    ]
    return [(me, case, (me.viewer.person.username, case.name)) for case in cases for me in looking]


def ask(db, problem, conditions):
    """Of SQL conditions by name, those that hold for the problem."""
    labelled = [condition.label(f"mark_{n}") for n, condition in enumerate(conditions.values())]
    marks = db.execute(select(*labelled).where(Problem.id == problem.id)).one()
    return {name for name, mark in zip(conditions, marks, strict=True) if mark}


def test_sql_and_predicate_agree_on_what_may_be_done_but_by_stand_ins(db, seen):
    steps = [row.step for row in PROBLEM_WORKFLOW if row.by and row.sources]
    for me, case, name in seen:
        actors = actor_conditions(me)
        found = ask(db, case.problem, {step: may_take(step, actors) for step in steps})

        expected = steps_of(db, me, case.problem, NOW)
        assert found <= expected, name
        assert expected - found <= {Step.CLOSE, Step.RETURN, Step.NAME}, name


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("cases", LOOKED_AT, indirect=True)
def test_the_service_accepts_what_has_a_button_and_nothing_else(db, seen):
    for me, case, name in seen:
        problem = case.problem
        is_seen = may_see(db, me.viewer, problem.id, ON)
        buttons = steps_of(db, me, problem, NOW) if is_seen else set()

        possible = [row.step for row in PROBLEM_WORKFLOW if problem.state in row.sources]
        if not is_seen:  # then each step is refused alike, before it is looked at
            possible = possible[:1]
        accepted = {step for step in possible if accepts(db, problem, step, me)}

        assert accepted == buttons, name


def accepts(db, problem, step, me):
    try:
        require_step(db, problem=problem, step=step, by=me.viewer.person, now=NOW)
    except Refused:
        return False
    return True


def test_what_waits_for_somebody_can_be_done_by_them_and_agrees_with_the_problems_people(
    db, seen, cases
):
    names = {case.problem.id: case for case in cases}
    expected = {
        (person.username, case.name, row.step)
        for case in cases
        for row in PROBLEM_WORKFLOW.awaited(case.problem.state, conditions_of(case.problem))
        for person in assignees(db, case.problem, row.step, NOW)
    }
    expected |= {
        (person.username, case.name, Step.NAME)
        for case in cases
        if is_stuck(db, case.problem, NOW)
        for person in namers(db, case.problem, NOW)
    }

    found = set()
    for me in {me.viewer.person_id: me for me, _, _ in seen}.values():
        for item in waiting_for(db, me, NOW):
            case, step = names[item.problem.id], STEP_OF_WAIT[item.wait]
            found.add((me.viewer.person.username, case.name, step))
            assert step in steps_of(db, me, case.problem, NOW), (me.viewer.person, case.name)

    assert found == expected


@pytest.mark.slow_on_postgresql
def test_a_step_is_told_to_those_for_whom_the_problem_then_waits_and_whom_the_table_names(
    db, zone, cases
):
    for case in cases:
        told = {person.username for person in readers_of(db, case.problem, case.entry)}
        awaited = {
            person.username
            for row in PROBLEM_WORKFLOW.awaited(case.problem.state, conditions_of(case.problem))
            for person in assignees(db, case.problem, row.step, NOW)
        }
        if case.name in ("raised", "passed on once", "passed on twice", "assigned", "solved"):
            assert awaited <= told, case.name
        for username in told:
            assert may_see(db, viewer(db, getattr(zone, username), ON), case.problem.id, ON)


@pytest.mark.slow_on_postgresql
def test_an_open_problem_of_an_open_lead_always_waits_for_somebody_or_an_admin_names_them(
    db, zone, cases
):
    if zone.lead.secrecy is Secrecy.RESTRICTED:
        return
    waiting_states = set(ProblemState) - OVER - {ProblemState.SHELVED}
    for case in cases:
        if case.problem.state not in waiting_states:
            continue
        rows = PROBLEM_WORKFLOW.awaited(case.problem.state, conditions_of(case.problem))

        found = any(assignees(db, case.problem, row.step, NOW) for row in rows)
        assert found or namers(db, case.problem, NOW), case.name


def test_of_a_restricted_lead_only_those_named_on_it_see_a_problem(db, zone):
    zone.lead.secrecy, zone.lead.code_name = Secrecy.RESTRICTED, "晨星"
    case = _case(db, zone, {"owner": "mason"}, "taken")

    seeing = {
        name
        for name in PEOPLE
        if may_see(db, viewer(db, getattr(zone, name), ON), case.problem.id, ON)
    }

    assert seeing == {"li"}


def test_of_an_internal_lead_those_who_have_a_part_in_the_problem_see_it(db, zone):
    zone.lead.secrecy = Secrecy.INTERNAL
    case = _case(db, zone, {"owner": "mason"}, "taken")

    seeing = {
        name
        for name in PEOPLE
        if may_see(db, viewer(db, getattr(zone, name), ON), case.problem.id, ON)
    }

    # all but the reader, who has no records; the economy bureau assists
    assert seeing == set(PEOPLE) - {"reader", "porter"}
    db.execute(ProblemUnit.__table__.delete())
    assert not may_see(db, viewer(db, zone.econ, ON), case.problem.id, ON)


def test_every_actor_but_the_stand_ins_is_defined_in_sql(db, zone):
    me = onlooker(db, viewer(db, zone.officer, ON), ON)

    assert set(actor_conditions(me)) == set(Actor) - {Actor.NEAREST, Actor.CONFIRMER}
