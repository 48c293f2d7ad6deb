"""Which leads are proposed, in which order, on which half-days (ENTRY 3)."""

from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from crm.leads.tiers import Tier
from crm.planner.rules import (
    Candidate,
    Half,
    Owed,
    Slot,
    Why,
    free_slots,
    plan,
    trips_of,
)

TODAY = date(2026, 7, 15)  # Wednesday
NOW = datetime(2026, 7, 15, 2, 0, tzinfo=UTC)  # 10:00
DAY = timedelta(days=1)
WEEK = [Slot(TODAY + n * DAY, half) for n in range(5) for half in Half]


def lead(ref="A", **given):
    values = {"lead_id": ord(ref[0]), "ref": ref, "city": "上海", "entered_on": TODAY - 90 * DAY}
    return Candidate(**values | {"last_contact_on": TODAY - DAY} | given)


def refs(leads, slots=WEEK):
    return [proposal.candidate.ref for proposal in plan(leads, slots, TODAY).proposals]


STEP = lead("A", step=Owed("送测算表", TODAY + 7 * DAY))
PROBLEM = lead("B", problem=Owed("供电未落实", TODAY + 9 * DAY))
SIGNING = lead("C", signing_on=TODAY + 60 * DAY)
LARGE = lead("D", tier=Tier.YI_20)
SMALL = lead("E", tier=Tier.YI_10, last_contact_on=TODAY - 70 * DAY)
QUIET = lead("F", last_contact_on=TODAY - 40 * DAY)
NEVER = lead("G", last_contact_on=None)


def test_the_order_follows_from_the_reasons_one_after_another():
    leads = [QUIET, SMALL, LARGE, NEVER, SIGNING, PROBLEM, STEP]

    assert refs(leads) == ["A", "B", "C", "D", "E", "G", "F"]


def test_ties_go_by_reference_and_the_same_input_gives_the_same_list():
    leads = [lead(ref) for ref in "KCBA"]
    shuffled = Random(1).sample(leads, k=4)

    assert refs(leads) == ["A", "B", "C", "K"]
    assert plan(leads, WEEK, TODAY).cities == plan(shuffled, WEEK, TODAY).cities


@pytest.mark.parametrize(
    "far",
    [
        {"step": Owed("送测算表", TODAY + 8 * DAY)},
        {"signing_on": TODAY + 61 * DAY},
    ],
)
def test_what_lies_further_ahead_is_no_reason(far):
    [proposal] = plan([lead(**far)], WEEK, TODAY).proposals

    assert [reason.why for reason in proposal.reasons] == [Why.CONTACT]


def test_at_most_three_reasons_are_told():
    all_of_them = lead(step=STEP.step, problem=PROBLEM.problem, signing_on=TODAY, tier=Tier.YI_100)

    [proposal] = plan([all_of_them], WEEK, TODAY).proposals

    assert [reason.why for reason in proposal.reasons] == [Why.STEP, Why.PROBLEM, Why.SIGNING]


@pytest.mark.parametrize(
    ("given", "is_proposed"),
    [
        ({"planned_on": TODAY + 7 * DAY}, False),
        ({"planned_on": TODAY + 8 * DAY}, True),
        ({"visited_on": TODAY - 5 * DAY}, False),
        ({"visited_on": TODAY - 6 * DAY}, True),
    ],
)
def test_what_is_planned_or_was_just_visited_is_left_out(given, is_proposed):
    assert bool(refs([lead(**given)])) is is_proposed


def test_the_leads_left_out_are_counted():
    leads = [lead("A", planned_on=TODAY), lead("B", visited_on=TODAY), lead("C", is_theirs=False)]

    found = plan(leads, [], TODAY)

    assert (found.theirs, found.planned, found.visited, found.without_slot) == (2, 1, 1, 1)


def test_a_day_holds_two_visits_and_one_city():
    leads = [lead("A"), lead("B"), lead("C"), lead("D", city="苏州"), lead("E", city="苏州市")]

    found = plan(leads, WEEK, TODAY)

    assert [group.city for group in found.cities] == ["上海", "苏州"]
    assert [(p.slot.on - TODAY).days for p in found.proposals] == [0, 0, 1, 2, 2]
    assert [p.slot.half for p in found.proposals[:2]] == [Half.MORNING, Half.AFTERNOON]


def test_a_city_where_the_person_stays_comes_first_and_keeps_its_days():
    stay = [Slot(slot.on, slot.half, "苏州") for slot in WEEK[:2]]
    leads = [lead("A", step=STEP.step), lead("B", city="苏州")]

    found = plan(leads, [*stay, *WEEK[2:4]], TODAY)

    assert [(group.city, group.is_stay) for group in found.cities] == [
        ("苏州", True),
        ("上海", False),
    ]
    assert [p.slot.on for p in found.proposals] == [TODAY, TODAY + DAY]


def test_no_more_than_ten_are_proposed():
    found = plan([lead(ref) for ref in "ABCDEFGHIJKL"], WEEK * 2, TODAY)

    assert len(found.proposals) == 10
    assert found.without_slot == 2


def test_busy_dates_and_hours_gone_are_no_slots():
    tomorrow = TODAY + DAY

    slots = free_slots(
        [TODAY, tomorrow, TODAY + 2 * DAY],
        busy={tomorrow},
        stays={TODAY + 2 * DAY: "苏州"},
        now=NOW,
    )

    assert slots == [
        Slot(TODAY, Half.AFTERNOON),
        Slot(TODAY + 2 * DAY, Half.MORNING, "苏州"),
        Slot(TODAY + 2 * DAY, Half.AFTERNOON, "苏州"),
    ]


def test_two_visits_in_a_city_outside_make_a_journey():
    at_home = [lead("A", city="本区"), lead("B", city="本区")]
    leads = [*at_home, lead("C"), lead("D"), lead("E", city="苏州"), lead("F", city="")]

    trips = trips_of(plan(leads, WEEK, TODAY).proposals)

    assert trips == {"上海": (TODAY + DAY, TODAY + DAY)}
