"""A workflow as a table: which step its rows allow whom, and how it is printed."""

from datetime import date

import pytest

from crm.base.enums import LabeledEnum
from crm.base.workdays import WorkingCalendar
from crm.base.workflow import Obstacle, Situation, Transition, Within, Workflow, as_markdown


class State(LabeledEnum):
    CLAIMED = "claimed", "已申报"
    RECOGNISED = "recognised", "已认定"


class Step(LabeledEnum):
    CLAIM = "claim", "申报"
    RECOGNISE = "recognise", "认定"
    NOTE = "note", "备注"


class Actor(LabeledEnum):
    CLAIMANT = "claimant", "申报人"
    OFFICER = "officer", "认定人员"
    PARTY = "party", "当事单位"
    ADMIN = "admin", "管理员"


class Condition(LabeledEnum):
    HAS_EVIDENCE = "evidence", "有佐证"


CLAIM = Transition(
    step=Step.CLAIM,
    sources=(),
    target=State.CLAIMED,
    by=(Actor.CLAIMANT,),
    tells=(Actor.OFFICER,),
    due=(Within(workdays=5), Within(days=15)),
)
RECOGNISE = Transition(
    step=Step.RECOGNISE,
    sources=(State.CLAIMED,),
    target=State.RECOGNISED,
    by=(Actor.OFFICER,),
    but_not=(Actor.PARTY,),
    another_than=Actor.CLAIMANT,
    when=(Condition.HAS_EVIDENCE,),
    waits_for=(Actor.OFFICER,),
    else_for=Actor.ADMIN,
)
NOTE = Transition(step=Step.NOTE, sources=(State.CLAIMED, State.RECOGNISED))
WORKFLOW = Workflow(CLAIM, RECOGNISE, NOTE)
EVIDENCE = frozenset({Condition.HAS_EVIDENCE})


@pytest.mark.parametrize(
    ("situation", "obstacle"),
    [
        (Situation(State.CLAIMED, {Actor.OFFICER}, EVIDENCE), None),
        (Situation(State.RECOGNISED, {Actor.OFFICER}, EVIDENCE), Obstacle.STATE),
        (Situation(State.CLAIMED, {Actor.CLAIMANT}, EVIDENCE), Obstacle.ACTOR),
        (Situation(State.CLAIMED, {Actor.OFFICER, Actor.PARTY}, EVIDENCE), Obstacle.ACTOR),
        (Situation(State.CLAIMED, {Actor.OFFICER}), Condition.HAS_EVIDENCE),
        (
            Situation(State.CLAIMED, {Actor.OFFICER, Actor.CLAIMANT}, EVIDENCE),
            Obstacle.SAME_PERSON,
        ),
    ],
)
def test_a_step_is_refused_by_the_first_thing_that_stands_in_its_way(situation, obstacle):
    assert RECOGNISE.obstacle(situation) is obstacle


def test_steps_are_those_without_an_obstacle():
    assert WORKFLOW.steps(Situation(State.CLAIMED, {Actor.OFFICER}, EVIDENCE)) == {Step.RECOGNISE}
    assert WORKFLOW.steps(Situation(State.CLAIMED, {Actor.OFFICER})) == set()


def test_a_step_of_the_clock_is_nobodys():
    assert NOTE.obstacle(Situation(State.CLAIMED, set(Actor))) is Obstacle.ACTOR


def test_awaited_are_the_steps_that_are_somebodys_task_now():
    assert list(WORKFLOW.awaited(State.CLAIMED, EVIDENCE)) == [RECOGNISE]
    assert list(WORKFLOW.awaited(State.CLAIMED, frozenset())) == []
    assert list(WORKFLOW.awaited(State.RECOGNISED, EVIDENCE)) == []


def test_a_step_stands_in_one_row():
    with pytest.raises(ValueError, match="two rows"):
        Workflow(RECOGNISE, RECOGNISE)


def test_a_step_of_the_clock_waits_for_nobody():
    with pytest.raises(ValueError, match="clock"):
        Workflow(Transition(step=Step.NOTE, sources=(), waits_for=(Actor.OFFICER,)))


def test_a_span_leaves_out_the_day_on_which_it_begins():
    friday = date(2026, 7, 3)

    assert Within(days=15).after(friday, WorkingCalendar()).day == 18
    assert Within(workdays=3).after(friday, WorkingCalendar()).day == 8


def test_it_is_printed_as_a_table():
    head, _rule, begin, recognise, note = as_markdown(WORKFLOW).splitlines()

    assert head.startswith("| step | from | to | by |")
    assert begin == (
        "| claim 申报 | (begin) | claimed | claimant | | | | officer | 5 working days, 15 days |"
    )
    assert "| officer | party, claimant | evidence | officer; else admin |" in recognise
    assert "| the clock |" in note
