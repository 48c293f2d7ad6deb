"""The oracle itself, by hand: what a moment sees, pace, status, unit and version."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from . import zone as zones
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
from .facts import Absence, Zone
from .oracle import figures
from .workdays import is_library_workday

WEEKLY = replace(DEPUTY, code="deputy-weekly", period="week", minimum=3)

# --- as of -----------------------------------------------------------------------------------


def test_a_stay_under_way_counts_until_yesterday_and_plans_the_rest():
    under_way = stay("s", at(7, 6), at(7, 18, 0), status="planned")  # 6 to 17 July

    figure = ask(RECRUITER, "2026-07", under_way, as_of=at(7, 10, 15))

    assert figure_values(figure, "achieved", "planned") == (4, 8)
    assert figure.counted == [("s", 4)]
    assert figure.not_counted == [("s", "not_done", 8)]


@pytest.mark.parametrize(
    ("as_of", "achieved", "planned"),
    [
        (at(7, 6, 8, 59), 0, 12),  # not begun
        (at(7, 7, 0, 0), 1, 11),
        (at(7, 17, 23, 59), 11, 1),
        (at(7, 18, 0, 0), 12, 0),  # ended, and not yet done
        (at(7, 20, 23, 59), 12, 0),  # last date + 3
        (at(7, 21, 0, 0), 0, 0),  # done today, it would be late
    ],
)
def test_a_stay_that_has_ended_counts_on_while_it_may_be_logged_in_time(as_of, achieved, planned):
    planned_stay = stay("s", at(7, 6), at(7, 18, 0), status="planned")

    figure = ask(RECRUITER, "2026-07", planned_stay, as_of=as_of)

    assert figure_values(figure, "achieved", "planned") == (achieved, planned)


def test_a_rejected_stay_under_way_is_neither_counted_nor_planned():
    rejected = stay(
        "s", at(7, 6), at(7, 18, 0), status="planned", verdict="rejected", verdict_at=at(7, 8)
    )

    before = ask(RECRUITER, "2026-07", rejected, as_of=at(7, 7, 23))
    after = ask(RECRUITER, "2026-07", rejected, as_of=at(7, 8))

    assert figure_values(before, "achieved", "planned") == (1, 11)
    assert figure_values(after, "achieved", "planned") == (0, 0)


@pytest.mark.parametrize(
    ("as_of", "achieved", "planned", "listed"),
    [
        (at(6, 30), 0, 0, 0),  # entered later
        (at(7, 1), 0, 1, 1),
        (at(7, 9, 11), 0, 1, 1),  # ended, logged later
        (at(7, 10, 8), 1, 0, 1),
        (at(7, 12), 0, 0, 1),  # rejected by then
    ],
)
def test_a_moment_sees_only_what_was_known(as_of, achieved, planned, listed):
    one = visit(
        "v",
        at(7, 9),
        entered_at=at(7, 1),
        logged_at=at(7, 10, 8),
        verdict="rejected",
        verdict_at=at(7, 12),
    )

    figure = ask(DEPUTY, "2026-07", one, as_of=as_of)

    assert figure_values(figure, "achieved", "planned") == (achieved, planned)
    assert len(figure.counted) + len(figure.not_counted) == listed


def test_an_imported_verdict_is_as_old_as_the_row():
    row = zones.VisitRow(
        "v", "outreach", "in_person", "done", at(7, 1), at(7, 1, 11), "a", (), at(7, 9), "confirmed"
    )

    imported = zones.as_lived(row, at(8, 1))

    assert (imported.entered_at, imported.logged_at, imported.verdict_at) == (at(7, 9),) * 3


def test_a_planned_row_is_entered_when_it_says_or_by_the_import():
    row = zones.VisitRow(
        "v", "outreach", "in_person", "planned", at(7, 9), at(7, 9, 11), "a", (), None, ""
    )

    unsaid = zones.as_lived(row, at(7, 5))
    text = zones.as_lived(replace(row, logged_at=at(7, 2)), at(7, 5))

    assert (unsaid.entered_at, unsaid.logged_at) == (at(7, 5), None)
    assert (text.entered_at, text.logged_at) == (at(7, 2), None)


# --- pace and status -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "visits", "status"),
    [
        # W30 is 20 to 26 July; three days of visits are owed.
        (at(7, 19), (), "on_track"),  # not begun
        (at(7, 21), (), "on_track"),  # three of four: 3 * 3 * 4 / (2 * 5) = 3.6
        (at(7, 22), (), "at_risk"),  # three are free, but 3 * 3 * 3 / 10 = 2.7
        (at(7, 22), (visit("1", at(7, 20)),), "on_track"),  # two are missing, 2.7
        (at(7, 23), (visit("1", at(7, 20)),), "at_risk"),  # 3 * 3 * 2 / 10 = 1.8
        (at(7, 25), (), "unreachable"),  # two days left
        (at(7, 24), (), "at_risk"),  # three, weekend included
        (at(7, 25), (visit("1", at(7, 25), status="planned"),), "unreachable"),  # 1 + 1 free
        (at(7, 25), (visit("1", at(7, 24), status="planned"),), "at_risk"),  # 1 + 2 free
        (at(7, 27), (), "missed"),
        (at(7, 26), tuple(visit(str(d), at(7, d)) for d in (20, 21, 22)), "met"),
    ],
)
def test_the_first_status_that_applies_is_told(as_of, visits, status):
    figure = ask(WEEKLY, "2026-W30", *visits, as_of=as_of)

    assert figure_values(figure, "required", "status") == (3, status)


def test_counted_by_visit_one_day_left_bounds_nothing():
    rule = replace(WEEKLY, count_by="visit")

    last_day = ask(rule, "2026-W30", as_of=at(7, 26))
    no_day = ask(
        rule,
        "2026-W30",
        as_of=at(7, 26),
        absences=[Absence("a", date(2026, 7, 26), date(2026, 7, 30))],
    )

    assert figure_values(last_day, "status") == ("at_risk",)
    assert figure_values(no_day, "status") == ("unreachable",)


def test_pace_counts_present_working_days_today_included():
    # 23 working days, ten of them until Tuesday 14 July: 6 * 10 / 23 = 2.6.
    figure = ask(DEPUTY, "2026-07", as_of=at(7, 14, 0))

    assert figure_values(figure, "pace") == (3,)


@pytest.mark.parametrize(
    ("rule", "period", "calm", "first"),
    [
        # September 2026 has 22 working days: the 3rd is its third, the 4th its fourth.
        (RECRUITER, "2026-09", at(9, 3, 12), at(9, 4, 12)),
        (DEPUTY, "2026-09", at(9, 10, 12), at(9, 11, 12)),
        (PRINCIPAL, "2026-W29", at(7, 14, 12), at(7, 15, 12)),
    ],
)
def test_with_nothing_done_it_is_at_risk_from_the_day_that_the_regime_names(
    rule, period, calm, first
):
    assert figure_values(ask(rule, period, as_of=calm), "status") == ("on_track",)
    assert figure_values(ask(rule, period, as_of=first), "status") == ("at_risk",)


@pytest.mark.parametrize(
    ("entered_at", "verdict", "achieved"),
    [
        (at(7, 10, 23, 59), "", 12),  # nine days after the first date
        (at(7, 11, 0), "", 0),
        (at(7, 11, 0), "confirmed", 12),
    ],
)
def test_days_entered_late_count_once_they_are_confirmed(entered_at, verdict, achieved):
    late = stay("s", at(7, 1), at(7, 12, 18), entered_at=entered_at, verdict=verdict)

    assert figure_values(ask(RECRUITER, "2026-07", late, as_of=END_OF_JULY), "achieved") == (
        achieved,
    )


def test_days_added_late_are_late_for_whom_they_were_added():
    dates = [date(2026, 7, day) for day in range(1, 4)]
    named = stay(
        "s", at(7, 1), at(7, 3, 18), leader="b", participants=("a",),
        added_at={("a", on): at(7, 12) for on in dates},
    )  # fmt: skip

    assert ask(RECRUITER, "2026-07", named, as_of=END_OF_JULY).not_counted == [
        ("s", "logged_late", 3)
    ]


# --- units and versions ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "unit"), [(at(6, 1), "u1"), (at(7, 9), "u1"), (at(7, 15), "u2"), (at(8, 9), "u2")]
)
def test_a_figure_stands_under_the_unit_of_the_last_date_of_the_duty_up_to_now(as_of, unit):
    postings = [
        posting("deputy", date(2026, 7, 1), date(2026, 7, 9)),
        posting("deputy", date(2026, 7, 10), date(2026, 7, 20), unit="u2"),
        posting("staff", date(2026, 7, 21), unit="u3"),
    ]

    figure = ask(DEPUTY, "2026-07", as_of=as_of, postings=postings)

    assert figure_values(figure, "unit") == (unit,)


def test_whoever_never_holds_the_duty_has_no_figure():
    zone = Zone([posting("staff")], (), (), zones.SHIPPED, is_library_workday)

    assert figures(zone, "2026-07", END_OF_JULY) == {}


@pytest.mark.parametrize(("period", "owed"), [("2026-W29", 1), ("2026-W30", 1), ("2026-W31", 2)])
def test_a_period_is_judged_whole_by_the_version_of_its_first_date(period, owed):
    rules = [
        replace(PRINCIPAL, valid_to=date(2026, 7, 21)),
        replace(PRINCIPAL, minimum=2, valid_from=date(2026, 7, 22)),
    ]
    zone = Zone([posting("principal")], (), (), rules, is_library_workday)

    figure = figures(zone, period, END_OF_JULY)["principal-weekly", "a"]

    assert figure_values(figure, "required") == (owed,)


def test_no_version_on_the_first_date_is_no_figure():
    rule = replace(PRINCIPAL, valid_from=date(2026, 7, 21))
    zone = Zone([posting("principal")], (), (), [rule], is_library_workday)

    assert figures(zone, "2026-W30", END_OF_JULY) == {}
