"""Periods by their names (REGIME 4)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crm.base.periods import DAY, Period, PeriodKind, days

kinds = some.sampled_from(PeriodKind)
dates = some.dates(date(1990, 1, 1), date(2200, 12, 31))


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("2026-W01", "2025-12-29", "2026-01-04"),
        ("2026-W30", "2026-07-20", "2026-07-26"),
        ("2026-W53", "2026-12-28", "2027-01-03"),
        ("2026-07-X1", "2026-07-01", "2026-07-10"),
        ("2026-07-X2", "2026-07-11", "2026-07-20"),
        ("2026-02-X3", "2026-02-21", "2026-02-28"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026-12", "2026-12-01", "2026-12-31"),
        ("2026-Q3", "2026-07-01", "2026-09-30"),
        ("2026-Q4", "2026-10-01", "2026-12-31"),
        ("2026", "2026-01-01", "2026-12-31"),
    ],
)
def test_a_name_gives_the_dates(name, first, last):
    period = Period.parse(name)

    assert (str(period), period.first, period.last) == (
        name,
        date.fromisoformat(first),
        date.fromisoformat(last),
    )


@pytest.mark.parametrize(
    "name",
    [
        "",
        "2026-13",
        "2025-W53",
        "2026-W00",
        "2026-07-X4",
        "2026-Q5",
        "0000",
        "9999",
        "26-07",
        "2026-07-01",
    ],
)
def test_what_names_no_period_is_refused(name):
    with pytest.raises(ValueError):  # noqa: PT011 - its message is the library's
        Period.parse(name)


@given(kinds, dates)
def test_a_period_holds_its_date_and_reads_back(kind, on):
    period = Period.holding(kind, on)

    assert on in period
    assert Period.parse(period.name) == period


@given(kinds, dates)
def test_periods_follow_each_other_without_a_gap(kind, on):
    period = Period.holding(kind, on)

    assert period.after.first == period.last + DAY
    assert period.after.before == period
    assert period.dates == tuple(days(period.first, period.last))
    assert all(Period.holding(kind, each) == period for each in (period.first, period.last))


def test_from_a_date_to_an_earlier_one_there_are_no_days():
    assert list(days(date(2026, 7, 2), date(2026, 7, 1))) == []


def test_a_week_runs_from_monday_to_sunday():
    week = Period.parse("2026-W30")

    assert (week.first.weekday(), week.last.weekday()) == (0, 6)


@pytest.mark.parametrize(
    ("month", "last"), [("2026-02", 28), ("2024-02", 29), ("2026-06", 30), ("2026-07", 31)]
)
def test_a_month_has_three_xun_and_the_last_runs_to_its_end(month, last):
    xun = [Period.parse(f"{month}-X{number}") for number in (1, 2, 3)]

    assert [(one.first.day, one.last.day) for one in xun] == [(1, 10), (11, 20), (21, last)]


def test_the_53rd_week_of_2026_ends_in_2027():
    assert Period.parse("2026-W53").last == date(2027, 1, 3)
