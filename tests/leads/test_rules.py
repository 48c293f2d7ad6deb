"""What follows from the milestones that a lead reached."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.base.errors import Refused
from crm.leads.rules import (
    LINE,
    Reached,
    Stage,
    check_reached,
    current_stage,
    line_progress,
    moves,
    next_stages,
)

KINDS = (*Stage, "screened", "land")
STEPS = st.builds(
    Reached,
    st.sampled_from(KINDS),
    st.dates(date(2026, 1, 1), date(2026, 3, 1)),
    st.integers(0, 99),
)


def on(day: int) -> date:
    return date(2026, 7, day)


@pytest.mark.parametrize(
    ("reached", "stage"),
    [
        ([], Stage.LEAD),
        ([Reached(Stage.FOLLOWING, on(2))], Stage.FOLLOWING),
        ([Reached(Stage.SIGNED, on(9)), Reached(Stage.FOLLOWING, on(2))], Stage.SIGNED),
        ([Reached(Stage.SIGNED, on(2), 1), Reached(Stage.FOLLOWING, on(2), 2)], Stage.SIGNED),
        ([Reached(Stage.SIGNED, on(2)), Reached("land", on(5))], Stage.SIGNED),
        ([Reached(Stage.SIGNED, on(2)), Reached(Stage.PARKED, on(5))], Stage.PARKED),
        ([Reached(Stage.NEGOTIATING, on(2)), Reached(Stage.LOST, on(5))], Stage.LOST),
        (
            [
                Reached(Stage.SIGNED, on(2)),
                Reached(Stage.PARKED, on(5)),
                Reached(Stage.FOLLOWING, on(8)),
            ],
            Stage.FOLLOWING,
        ),
        (
            [Reached(Stage.PARKED, on(5), 1), Reached(Stage.NEGOTIATING, on(5), 2)],
            Stage.NEGOTIATING,
        ),
    ],
)
def test_the_stage_follows_from_the_milestones(reached, stage):
    assert current_stage(reached) is stage


def test_a_lead_that_was_parked_stands_where_it_was_and_keeps_its_dates():
    parked = [Reached(Stage.SIGNED, on(2)), Reached(Stage.PARKED, on(5))]

    stopped = line_progress(parked)
    again = line_progress([*parked, Reached(Stage.FOLLOWING, on(8))])

    assert (stopped.furthest, stopped.stop) == (Stage.SIGNED, parked[1])
    assert (again.furthest, again.stop) == (Stage.FOLLOWING, None)
    assert again.reached_on == {Stage.SIGNED: on(2), Stage.FOLLOWING: on(8)}


@given(st.lists(STEPS))
def test_the_stage_does_not_depend_on_the_order_of_entry_by_date(reached):
    reached = list({(step.on, step.order): step for step in reached}.values())

    assert current_stage(reached) is current_stage(reached[::-1])


@given(st.lists(STEPS))
def test_side_milestones_never_move_the_stage(reached):
    line = [step for step in reached if step.kind in set(Stage)]

    assert current_stage(reached) is current_stage(line)


@pytest.mark.parametrize(
    ("kind", "day", "code"),
    [
        (Stage.SIGNED, 8, "already_reached"),
        ("screened", 8, "already_reached"),
        (Stage.NEGOTIATING, 5, "out_of_order"),
        (Stage.REGISTERED, 2, "out_of_order"),
    ],
)
def test_what_was_reached_or_stands_against_the_order_is_refused(kind, day, code):
    reached = [Reached(Stage.SIGNED, on(4)), Reached("screened", on(3))]

    with pytest.raises(Refused) as refusal:
        check_reached(kind, on(day), reached, name="节点")

    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("kind", "day"), [(Stage.NEGOTIATING, 3), (Stage.STARTED, 4), ("land", 1), (Stage.PARKED, 9)]
)
def test_stages_may_be_skipped_and_filled_in_later(kind, day):
    check_reached(kind, on(day), [Reached(Stage.SIGNED, on(4))], name="节点")


def test_a_parked_lead_may_take_up_a_stage_again():
    reached = [Reached(Stage.NEGOTIATING, on(2)), Reached(Stage.PARKED, on(4))]

    check_reached(Stage.NEGOTIATING, on(9), reached, name="在谈")


def test_a_parked_lead_is_not_parked_again():
    with pytest.raises(Refused, match="already_reached"):
        check_reached(Stage.PARKED, on(9), [Reached(Stage.PARKED, on(4))], name="搁置")


@pytest.mark.parametrize(
    ("stage", "first"),
    [(Stage.LEAD, Stage.FOLLOWING), (Stage.SIGNED, Stage.REGISTERED), (Stage.LOST, LINE[1])],
)
def test_the_next_stage_is_offered_first(stage, first):
    assert next_stages(stage)[0] is first


def test_nothing_comes_after_full_capacity():
    assert next_stages(Stage.FULL_CAPACITY) == ()


def test_a_card_goes_further_on_the_line_or_to_another_stop():
    stops = (Stage.PARKED, Stage.LOST)

    assert moves(Stage.OPERATING) == (Stage.FULL_CAPACITY, *stops)
    assert moves(Stage.FULL_CAPACITY) == stops
    assert moves(Stage.PARKED) == (*LINE[1:], Stage.LOST)
