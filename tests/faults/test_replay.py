"""A month lived by `crm clock run`: each digest once, whoever runs it again, beside it, or dies."""

import json
import random

import pytest

from tests.faults.attacks import RUN, SHORT, is_whole, kill_after, kill_at
from tests.faults.facts import (
    DIGESTS_OF_EARLY_JULY,
    DIGESTS_OF_JULY,
    DIGESTS_OF_JUNE,
    FIRST_DAYS,
    JULY,
    JUNE,
    NUDGES_OF_JULY,
    NUDGES_OF_JUNE,
)
from tests.faults.victim import Moment

NOTHING = {"done": 0, "skipped": 0, "made": {}}


def test_a_month_makes_each_digest_once_for_whom_it_is(june):
    assert june.rows.digests == DIGESTS_OF_JUNE
    assert len(set(june.rows.keys)) == len(june.rows.keys)


def test_a_month_says_what_it_made(june):
    done = {job: result["done"] for job, result in june.summary.items()}
    nudges = sum(june.summary["nudge"]["made"].values())
    given = [key for key in june.rows.keys if key.startswith("nudge:")]

    assert done == {
        "weekly-digest": 5,
        "monthly-digest": 1,
        "morning-brief": NUDGES_OF_JUNE,  # of the same working days
        "ten-day-supervision": 3,
        "nudge": NUDGES_OF_JUNE,
        "escalate": 30,
        "audit-seal": 30,
        "assess": 9,  # May, its last xun, two of June, the weeks 22 to 26
        "freeze": 8,
        "settled-figures": 1,
        "retention": 1,
    }
    assert nudges == len(given) > 0


def test_a_second_run_makes_nothing_and_a_later_one_goes_on(june, copy):
    zone = copy(june.zone)

    again = zone.live(JUNE)
    left = zone.rows()
    zone.live("2026-07-06T08:00")

    assert list(again.values()) == [NOTHING] * len(again)
    assert left == june.rows
    assert zone.rows().after(len(june.rows.runs)) == june.rows
    assert zone.rows().digests == sorted(DIGESTS_OF_JUNE + DIGESTS_OF_EARLY_JULY)


@pytest.mark.slow
def test_the_month_after_says_what_it_made(june, copy):
    zone = copy(june.zone)

    later = zone.live(JULY)

    assert {job: result["done"] for job, result in later.items()} == {
        "weekly-digest": 4,
        "monthly-digest": 1,
        "morning-brief": NUDGES_OF_JULY,
        "ten-day-supervision": 3,
        "nudge": NUDGES_OF_JULY,
        "escalate": 31,
        "audit-seal": 31,
        "assess": 9,
        "freeze": 10,
        "settled-figures": 1,
        "retention": 1,
    }
    assert zone.rows().after(len(june.rows.runs)) == june.rows
    assert zone.rows().digests == sorted(DIGESTS_OF_JUNE + DIGESTS_OF_JULY)


def test_days_killed_three_times_end_as_ones_undisturbed(june, zone):
    kill_after(zone, zone.start(*SHORT), slots=4)
    first = zone.rows()
    kill_at(zone, Moment.PUT, 7, run=SHORT)
    second = zone.rows()
    kill_at(zone, Moment.MARK, 8, run=SHORT)
    third = zone.rows()
    zone.live(FIRST_DAYS)

    assert all(is_whole(rows, june.rows) for rows in (first, second, third))
    assert 4 <= len(first.runs) <= len(second.runs) < len(third.runs)
    assert zone.rows() == june.rows.up_to(FIRST_DAYS)


@pytest.mark.slow  # tests/jobs/test_runner.py: two runners at once do each slot once
def test_two_runs_at_once_end_as_one(june, zone):
    undisturbed = june.rows.up_to(FIRST_DAYS)
    both = [zone.fork(*SHORT) for _ in range(2)]
    result = [json.loads(process.ended()) for process in both]

    assert zone.rows() == undisturbed
    assert sum(job["done"] for one in result for job in one.values()) == len(undisturbed.runs)


@pytest.mark.slow
@pytest.mark.parametrize("moment", [*Moment])
def test_a_month_killed_at_every_kind_of_moment_ends_as_one_undisturbed(june, zone, moment):
    left = []
    for number in (1, 2, 3, 5, 4, 3):
        kill_at(zone, moment, number)
        left.append(zone.rows())
    zone.live(JUNE)

    assert all(is_whole(rows, june.rows) for rows in left)
    assert zone.rows() == june.rows


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_month_killed_at_chance_moments_ends_as_one_undisturbed(june, zone, seed):
    chance = random.Random(seed)
    left = []
    for _ in range(6):
        slots = zone.count_runs() + chance.randint(0, 2)
        kill_after(zone, zone.fork(*RUN), slots=slots, seconds=chance.uniform(0, 0.04))
        left.append(zone.rows())
    zone.live(JUNE)

    assert all(is_whole(rows, june.rows) for rows in left)
    assert zone.rows() == june.rows


@pytest.mark.slow
def test_three_runs_at_once_with_one_killed_end_as_one(june, zone):
    victim, *others = [zone.fork(*RUN) for _ in range(3)]
    kill_after(zone, victim, slots=5)
    for process in others:
        process.ended()

    assert zone.rows() == june.rows
