"""Working days and where each answer comes from (REGIME 4)."""

from datetime import date

import pytest
from holidays.countries import China

from crm.base.periods import Period
from crm.base.statutory_holidays import holidays_by_year
from crm.base.workdays import DayKind, Source, Workday, WorkingCalendar, statutory

CALENDAR = WorkingCalendar()


def test_2026_has_248_working_days():
    year = Period.parse("2026")

    assert len(CALENDAR.workdays(year.first, year.last)) == 248


def test_the_week_of_the_spring_festival_has_none():
    week = Period.parse("2026-W08")

    assert CALENDAR.workdays(week.first, week.last) == []


@pytest.mark.parametrize(
    ("on", "is_workday", "source"),
    [
        (date(2026, 1, 4), True, Source.LIBRARY),  # a Sunday to make up
        (date(2026, 7, 4), False, Source.LIBRARY),
        (date(2027, 2, 5), False, Source.ESTIMATE),  # the eve of the Spring Festival
        (date(2027, 2, 9), True, Source.ESTIMATE),  # no day in lieu
        (date(2027, 5, 1), False, Source.ESTIMATE),  # a Saturday
        (date(2027, 5, 3), True, Source.ESTIMATE),  # no day in lieu of it
    ],
)
def test_a_date_is_told_with_its_source(on, is_workday, source):
    assert CALENDAR.on(on) == Workday(is_workday, source)


def test_the_last_week_of_2026_is_estimated():
    assert CALENDAR.is_estimated(Period.parse("2026-W53"))
    assert not CALENDAR.is_estimated(Period.parse("2026-W52"))


def test_the_zones_own_calendar_comes_first():
    off = Workday(is_workday=False, source=Source.OVERRIDE)
    calendar = WorkingCalendar({date(2026, 7, 15): off})

    assert calendar.on(date(2026, 7, 15)) == off
    assert calendar.is_workday(date(2026, 7, 16))


def test_the_first_working_day_from_a_date_may_be_that_date():
    assert CALENDAR.first_workday_from(date(2026, 7, 3)) == date(2026, 7, 3)
    assert CALENDAR.first_workday_from(date(2026, 7, 4)) == date(2026, 7, 6)


def test_working_days_are_counted_from_the_day_after():
    # REGIME 5: the month of July 2026 is frozen on 6 August 00:00
    assert CALENDAR.nth_workday_after(date(2026, 7, 31), 3) == date(2026, 8, 5)


def test_the_first_week_of_2026_works_on_its_sunday():
    week = Period.parse("2026-W01")

    assert CALENDAR.workdays(week.first, week.last) == [
        *(date(2025, 12, 29), date(2025, 12, 30), date(2025, 12, 31), date(2026, 1, 4))
    ]


@pytest.mark.parametrize(("year", "days"), [(2008, 11), (2024, 11), (2025, 13), (2026, 13)])
def test_days_off_in_lieu_are_no_statutory_holidays(year, days):
    assert len(statutory(year)) == days


def test_the_13_dates_of_2026_are_their_own():
    written = "01-01 02-16 02-17 02-18 02-19 04-05 05-01 05-02 06-19 09-25 10-01 10-02 10-03"

    assert statutory(2026) == {date.fromisoformat(f"2026-{day}") for day in written.split()}


def test_a_year_that_the_library_does_not_know_is_estimated_less_the_13_statutory_dates():
    free = statutory(2027)
    worked = [
        on
        for on in Period.parse("2027").dates
        if CALENDAR.on(on) == Workday(is_workday=True, source=Source.ESTIMATE)
    ]

    assert len(free) == 13
    assert worked == [
        on for on in Period.parse("2027").dates if on.weekday() < 5 and on not in free
    ]


def test_the_library_knows_the_days_that_are_made_up():
    assert CALENDAR.on(date(2026, 2, 14)) == Workday(is_workday=True, source=Source.LIBRARY)
    assert CALENDAR.kind(date(2026, 2, 14)) is DayKind.MAKE_UP


def test_the_holidays_of_years_to_come_are_those_of_the_library():
    tabled = holidays_by_year()

    assert tabled == {year: frozenset(China(years=year, observed=False)) for year in tabled}
    assert range(2027, 2061) == range(min(tabled), max(tabled) + 1)
