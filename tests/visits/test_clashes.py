"""Plans that do not fit together are told as questions (ENTRY 4)."""

from datetime import date, time, timedelta

import pytest

from crm.base.clock import at_civil
from crm.visits.clashes import Booking, clashes, without_free_half
from crm.visits.rules import Kind

ON, DAY = date(2026, 7, 16), timedelta(days=1)


def booking(visit_id, begins, ends, *, people=(1,), leads=(), kind=Kind.OUTREACH, city="上海"):
    times = (at_civil(ON, time(begins)), at_civil(ON, time(ends)))
    return Booking(visit_id, kind, city, *times, frozenset(people), frozenset(leads))


@pytest.mark.parametrize(
    ("second", "found"),
    [
        (booking(2, 10, 11), [(1, 2, {1}, set())]),
        (booking(2, 11, 12), []),  # one after the other
        (booking(2, 10, 11, people=[2]), []),
        (booking(2, 10, 11, people=[2], leads=[7]), [(1, 2, set(), {7})]),
        (booking(2, 10, 11, kind=Kind.RESIDENCY), []),  # a visit during a stay
    ],
)
def test_two_plans_at_once_of_a_person_or_a_lead_clash(second, found):
    first = booking(1, 9, 11, leads=[7])

    told = [(c.first, c.second, set(c.people), set(c.leads)) for c in clashes([second, first])]

    assert told == found


def test_two_stays_at_once_are_in_two_cities():
    stay = booking(1, 9, 18, kind=Kind.RESIDENCY)

    assert clashes([stay, booking(2, 9, 18, kind=Kind.RESIDENCY)]) == []
    assert len(clashes([stay, booking(2, 9, 18, kind=Kind.RESIDENCY, city="苏州")])) == 1


def test_a_leader_whose_every_half_day_is_taken_is_told():
    morning, afternoon = booking(1, 9, 11), booking(2, 14, 16)
    away = {1: {ON + DAY}}

    assert without_free_half([1], [ON], [morning], {}) == []
    assert without_free_half([1], [ON], [morning, afternoon], {}) == [1]
    assert without_free_half([1], [ON, ON + DAY], [morning, afternoon], {}) == []
    assert without_free_half([1], [ON, ON + DAY], [morning, afternoon], away) == [1]
    assert without_free_half([1], [], [], {}) == []
