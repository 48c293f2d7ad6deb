"""Dates and periods in words."""

from datetime import UTC, date, datetime

import pytest

from crm.base.formatting import moment, period_name, span, weekday
from crm.base.periods import Period


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("2026-W01", "2026年第1周"),
        ("2026-07-X3", "2026年7月下旬"),
        ("2026-07", "2026年7月"),
        ("2026-Q3", "2026年第三季度"),
        ("2026", "2026年"),
    ],
)
def test_periods_have_names(name, spoken):
    assert period_name(Period.parse(name)) == spoken


@pytest.mark.parametrize(
    ("last", "spoken"),
    [
        (date(2026, 7, 27), "7月27日"),
        (date(2026, 7, 31), "7月27日至31日"),
        (date(2026, 8, 2), "7月27日至8月2日"),
    ],
)
def test_a_span_repeats_no_month(last, spoken):
    assert span(date(2026, 7, 27), last) == spoken


def test_a_moment_is_written_in_civil_time():
    assert moment(datetime(2026, 7, 12, 23, 30, tzinfo=UTC)) == "7月13日 07:30"


def test_a_moment_of_another_year_says_so():
    at = datetime(2025, 12, 31, 4, tzinfo=UTC)

    assert moment(at, date(2026, 1, 2)) == "2025年12月31日 12:00"
    assert moment(at, date(2025, 1, 2)) == "12月31日 12:00"


def test_sunday_has_a_name_of_its_own():
    assert weekday(date(2026, 7, 12)) == "周日"
