"""The oracle itself, against figures worked out by hand: what is owed and what counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date

import pytest

from .build import (
    DEPUTY,
    END_OF_JULY,
    PRINCIPAL,
    RECRUITER,
    ask,
    at,
    figure_values,
    posting,
    stay,
    visit,
)
from .facts import Absence
from .oracle import covered_dates, half_up
from .periods import period_dates
from .workdays import is_library_workday

# --- the calendar and the periods ------------------------------------------------------------


def test_working_days_of_2026_are_those_of_the_regime():
    months = [period_dates(f"2026-{month:02}") for month in range(1, 13)]

    workdays = [sum(map(is_library_workday, dates)) for dates in months]

    assert workdays == [21, 16, 22, 21, 19, 21, 23, 21, 22, 18, 21, 23]


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("2026-W01", date(2025, 12, 29), date(2026, 1, 4)),
        ("2026-W53", date(2026, 12, 28), date(2027, 1, 3)),
        ("2026-02-X3", date(2026, 2, 21), date(2026, 2, 28)),
        ("2026-07-X1", date(2026, 7, 1), date(2026, 7, 10)),
        ("2026-07", date(2026, 7, 1), date(2026, 7, 31)),
        ("2026-Q3", date(2026, 7, 1), date(2026, 9, 30)),
        ("2026", date(2026, 1, 1), date(2026, 12, 31)),
    ],
)
def test_a_period_has_its_first_and_last_date(period, first, last):
    dates = period_dates(period)

    assert (dates[0], dates[-1], len(dates)) == (first, last, (last - first).days + 1)


def test_a_make_up_sunday_is_a_working_day_of_the_first_week():
    figure = ask(PRINCIPAL, "2026-W01", as_of=at(1, 5))

    assert figure_values(figure, "workdays", "present", "required") == (4, 4, 1)


@pytest.mark.parametrize(("numerator", "nearest"), [(0, 0), (1, 0), (2, 1), (3, 1), (6, 2)])
def test_a_half_goes_up(numerator, nearest):
    assert half_up(numerator, 4) == nearest


# --- required --------------------------------------------------------------------------------


def test_a_week_without_a_working_day_is_exempt():
    figure = ask(PRINCIPAL, "2026-W08", as_of=at(2, 18))

    assert figure_values(figure, "workdays", "required", "pace", "status") == (0, 0, 0, "exempt")


def test_twenty_days_are_owed_against_sixteen_working_days_of_february():
    figure = ask(RECRUITER, "2026-02", as_of=at(2, 28))

    assert figure_values(figure, "workdays", "present", "required", "pace") == (16, 16, 20, 20)


def test_a_cap_by_working_days_makes_it_sixteen():
    figure = ask(replace(RECRUITER, cap="workdays"), "2026-02", as_of=at(2, 28))

    assert figure_values(figure, "required") == (16,)


@pytest.mark.parametrize(
    ("rounding", "owed"),
    # July has 23 working days, 13 of them from the 15th on: 6 * 13 / 23 = 3.39.
    [("ceil", 4), ("half_up", 3)],
)
def test_whoever_comes_in_mid_month_owes_in_proportion(rounding, owed):
    late_posting = posting("deputy", date(2026, 7, 15))

    figure = ask(
        replace(DEPUTY, rounding=rounding), "2026-07", as_of=at(7, 20), postings=[late_posting]
    )

    assert figure_values(figure, "present", "required") == (13, owed)


def test_absences_that_overlap_take_each_day_once():
    # 13-15 and 14-17 July are five working days: 6 * 18 / 23 = 4.70.
    absences = [
        Absence("a", date(2026, 7, 13), date(2026, 7, 15)),
        Absence("a", date(2026, 7, 14), date(2026, 7, 17)),
        Absence("a", date(2026, 7, 1), date(2026, 7, 31), approved=False),
    ]

    figure = ask(DEPUTY, "2026-07", as_of=at(7, 20), absences=absences)

    assert figure_values(figure, "present", "required") == (18, 5)


@pytest.mark.parametrize(
    ("proration", "absent_to", "owed"),
    [
        ("none", date(2026, 7, 30), 6),
        ("none", date(2026, 7, 31), 0),
        ("workdays", date(2026, 7, 30), 1),
    ],
)
def test_without_proration_one_day_owes_all_and_no_day_nothing(proration, absent_to, owed):
    absences = [Absence("a", date(2026, 7, 1), absent_to)]

    figure = ask(
        replace(DEPUTY, proration=proration), "2026-07", as_of=at(7, 20), absences=absences
    )

    assert figure_values(figure, "required") == (owed,)


def test_resident_days_owed_never_exceed_the_calendar_days_present():
    # Present from Saturday 4 to Monday 6 July: three days, one of them a working day.
    postings = [posting("recruiter", date(2026, 7, 4), date(2026, 7, 6))]
    rule = replace(RECRUITER, proration="none")

    figure = ask(rule, "2026-07", as_of=at(7, 20), postings=postings)

    assert figure_values(figure, "present", "required") == (1, 3)


# --- what counts -----------------------------------------------------------------------------


def test_two_visits_on_one_day_are_one_and_the_earliest_counts():
    figure = ask(
        DEPUTY,
        "2026-07",
        visit("later", at(7, 1, 14)),
        visit("first", at(7, 1, 9)),
        as_of=END_OF_JULY,
    )

    assert figure_values(figure, "achieved", "required", "status") == (1, 6, "missed")
    assert figure.counted == [("first", 1)]
    assert figure.not_counted == [("later", "same_day", 1)]


def test_counted_by_visit_two_on_one_day_are_two():
    rule = replace(DEPUTY, count_by="visit")

    figure = ask(
        rule, "2026-07", visit("x", at(7, 1, 9)), visit("y", at(7, 1, 14)), as_of=END_OF_JULY
    )

    assert figure_values(figure, "achieved") == (2,)


def test_a_stay_counts_each_day_in_its_own_period_and_no_new_day_at_midnight():
    # 29 June 08:00 to 4 July 00:00 covers 29 and 30 June, and 1 to 3 July.
    long_stay = stay("s", at(6, 29, 8), at(7, 4, 0))

    june = ask(RECRUITER, "2026-06", long_stay, as_of=END_OF_JULY)
    july = ask(RECRUITER, "2026-07", long_stay, as_of=END_OF_JULY)

    assert (june.counted, july.counted) == ([("s", 2)], [("s", 3)])


def test_a_visit_over_midnight_covers_two_dates():
    assert covered_dates(visit("v", at(7, 1, 22), at(7, 2, 2))) == [
        date(2026, 7, 1),
        date(2026, 7, 2),
    ]


def test_a_visit_that_starts_before_the_period_counts_only_where_days_are_counted():
    overnight = stay("s", at(6, 30, 22), at(7, 2, 0))

    led = ask(DEPUTY, "2026-07", overnight, as_of=END_OF_JULY)

    assert led.not_counted == [("s", "outside_period", 1)]


def test_a_companion_counts_where_joining_does():
    joined = visit("v", at(7, 1), leader="b", participants=("a",))

    led = ask(DEPUTY, "2026-07", joined, as_of=END_OF_JULY)
    taken_part = ask(replace(DEPUTY, measure="visits_joined"), "2026-07", joined, as_of=END_OF_JULY)

    assert led.not_counted == [("v", "not_leader", 1)]
    assert taken_part.counted == [("v", 1)]


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"leader": "b", "participants": ("a",), "kind": "event"}, "not_leader"),
        ({"kind": "event", "channel": "phone"}, "wrong_kind"),
        ({"channel": "phone", "status": "planned"}, "wrong_channel"),
        ({"status": "planned", "verdict": "rejected"}, "not_done"),
        ({"status": "cancelled"}, "not_done"),
        ({"verdict": "rejected", "logged_at": at(7, 20)}, "rejected"),
        ({"logged_at": at(7, 20)}, "logged_late"),
    ],
)
def test_the_first_reason_that_applies_is_told(other, reason):
    figure = ask(DEPUTY, "2026-07", visit("v", at(7, 1), **other), as_of=END_OF_JULY)

    assert figure.not_counted == [("v", reason, 1)]


@pytest.mark.parametrize(
    ("logged_at", "verdict", "achieved"),
    [
        (at(7, 4, 23, 59), "", 1),  # three days after the last date, by local dates
        (at(7, 5, 0, 0), "", 0),
        (at(7, 5, 0, 0), "confirmed", 1),
        (at(7, 5, 0, 0).astimezone(UTC), "", 0),  # still 4 July in UTC
    ],
)
def test_a_late_visit_counts_only_once_confirmed(logged_at, verdict, achieved):
    late = visit("v", at(7, 1), logged_at=logged_at, verdict=verdict, verdict_at=logged_at)

    figure = ask(DEPUTY, "2026-07", late, as_of=END_OF_JULY)

    assert figure_values(figure, "achieved") == (achieved,)


def test_days_off_duty_and_absent_are_told_beside_the_days_that_count():
    postings = [
        posting("recruiter", date(2026, 7, 1), date(2026, 7, 8)),
        posting("staff", date(2026, 7, 9), unit="u2"),
        posting("recruiter", date(2026, 7, 1), unit="u3", primary=False),
    ]
    absences = [Absence("a", date(2026, 7, 7), date(2026, 7, 9))]

    figure = ask(
        RECRUITER,
        "2026-07",
        stay("s", at(7, 4), at(7, 11)),  # 4 and 5 July are a weekend: it counts like any other day
        as_of=END_OF_JULY,
        postings=postings,
        absences=absences,
    )

    assert figure.counted == [("s", 3)]
    assert figure.not_counted == [("s", "absent", 2), ("s", "outside_employment", 3)]
    assert figure_values(figure, "unit", "achieved") == ("u1", 3)
