"""Which periods a digest shows, and who is the nearest supervisor."""

from datetime import date

import pytest

from crm.base.periods import Period
from crm.digests.rules import planned_span, spans
from crm.people.rules import nearest


def names(periods):
    return [period.name for period in periods]


def test_a_week_stands_beside_the_longer_periods_still_running():
    found = spans(Period.parse("2026-W28"), date(2026, 7, 13))

    assert names(found.ended) == ["2026-W28"]
    assert names(found.running) == ["2026-07-X2", "2026-07", "2026-Q3", "2026"]


def test_a_month_has_the_weeks_and_xun_that_end_in_it():
    found = spans(Period.parse("2026-07"), date(2026, 8, 3))

    assert names(found.ended) == [
        "2026-07",
        *("2026-W27", "2026-W28", "2026-W29", "2026-W30"),
        *("2026-07-X1", "2026-07-X2", "2026-07-X3"),
    ]
    assert names(found.running) == ["2026-Q3", "2026"]


def test_what_ends_with_the_month_is_told_as_ended():
    found = spans(Period.parse("2026-12"), date(2027, 1, 4))

    assert {"2026-Q4", "2026"} <= set(names(found.ended))
    assert found.running == ()


def test_the_plan_reaches_to_the_end_of_the_week():
    assert planned_span(date(2026, 7, 13)) == (date(2026, 7, 13), date(2026, 7, 19))


@pytest.mark.parametrize(
    ("but", "found"),
    [(7, [8]), (8, [9]), (9, [8])],
)
def test_the_nearest_office_up_the_tree_is_another_persons(but, found):
    assert nearest([3, 2, 1], {2: [8], 1: [9]}, but) == found
