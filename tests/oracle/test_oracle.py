"""The oracle itself, against figures worked out by hand from REGIME."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from . import zone as zones
from .oracle import (
    CIVIL,
    DAY,
    Absence,
    Figure,
    Posting,
    Rule,
    Visit,
    Zone,
    covered_dates,
    figures,
    half_up,
    period_dates,
    period_of,
)

PRINCIPAL, DEPUTY, RECRUITER = zones.SHIPPED
WEEKLY = replace(DEPUTY, code="deputy-weekly", period="week", minimum=3)
END_OF_JULY = datetime(2026, 8, 1, tzinfo=CIVIL)


def at(month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    """A civil moment of 2026."""
    return datetime(2026, month, day, hour, minute, tzinfo=CIVIL)


def visit(ref: str, starts_at: datetime, ends_at: datetime | None = None, **other: Any) -> Visit:
    """A visit of two hours led by `a`, done and logged at its end."""
    ends_at = ends_at or starts_at + timedelta(hours=2)
    fields = {
        "kind": "outreach",
        "channel": "in_person",
        "status": "done",
        "leader": "a",
        "participants": (),
        "entered_at": starts_at - 30 * DAY,
        "logged_at": ends_at if other.get("status", "done") == "done" else None,
        "verdict_at": ends_at if "verdict" in other else None,
    }
    return Visit(ref=ref, starts_at=starts_at, ends_at=ends_at, **(fields | other))


def stay(ref: str, starts_at: datetime, ends_at: datetime, **other: Any) -> Visit:
    """A residency."""
    return visit(ref, starts_at, ends_at, **({"kind": "residency"} | other))


def posting(
    duty: str, first: date = date(2020, 1, 1), last: date | None = None, **other: Any
) -> Posting:
    """A primary posting of `a` in unit u1."""
    return Posting(
        **({"username": "a", "unit": "u1", "duty": duty, "from_on": first, "to_on": last} | other)
    )


def ask(
    rule: Rule, period: str, *visits: Visit, as_of: datetime, absences: Any = (), postings: Any = ()
) -> Figure:
    """The figure of `a` under one rule."""
    postings = postings or (posting(rule.duty),)
    zone = Zone(postings, absences, visits, (rule,), zones.is_library_workday)
    return figures(zone, period, as_of)[rule.code, "a"]


def told(figure: Figure, *keys: str) -> tuple[Any, ...]:
    """Some keys of a report."""
    return tuple(figure.report[key] for key in keys)


# --- the calendar and the periods ------------------------------------------------------------


def test_working_days_of_2026_are_those_of_the_regime():
    months = [period_dates(f"2026-{month:02}") for month in range(1, 13)]

    workdays = [sum(map(zones.is_library_workday, dates)) for dates in months]

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

    assert told(figure, "workdays", "present", "required") == (4, 4, 1)


@pytest.mark.parametrize(("numerator", "nearest"), [(0, 0), (1, 0), (2, 1), (3, 1), (6, 2)])
def test_a_half_goes_up(numerator, nearest):
    assert half_up(numerator, 4) == nearest


# --- required --------------------------------------------------------------------------------


def test_a_week_without_a_working_day_is_exempt():
    figure = ask(PRINCIPAL, "2026-W08", as_of=at(2, 18))

    assert told(figure, "workdays", "required", "pace", "status") == (0, 0, 0, "exempt")


def test_twenty_days_are_owed_against_sixteen_working_days_of_february():
    figure = ask(RECRUITER, "2026-02", as_of=at(2, 28))

    assert told(figure, "workdays", "present", "required", "pace") == (16, 16, 20, 20)


def test_a_cap_by_working_days_makes_it_sixteen():
    figure = ask(replace(RECRUITER, cap="workdays"), "2026-02", as_of=at(2, 28))

    assert told(figure, "required") == (16,)


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

    assert told(figure, "present", "required") == (13, owed)


def test_absences_that_overlap_take_each_day_once():
    # 13-15 and 14-17 July are five working days: 6 * 18 / 23 = 4.70.
    absences = [
        Absence("a", date(2026, 7, 13), date(2026, 7, 15)),
        Absence("a", date(2026, 7, 14), date(2026, 7, 17)),
        Absence("a", date(2026, 7, 1), date(2026, 7, 31), approved=False),
    ]

    figure = ask(DEPUTY, "2026-07", as_of=at(7, 20), absences=absences)

    assert told(figure, "present", "required") == (18, 5)


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

    assert told(figure, "required") == (owed,)


def test_resident_days_owed_never_exceed_the_calendar_days_present():
    # Present from Saturday 4 to Monday 6 July: three days, one of them a working day.
    postings = [posting("recruiter", date(2026, 7, 4), date(2026, 7, 6))]
    rule = replace(RECRUITER, proration="none")

    figure = ask(rule, "2026-07", as_of=at(7, 20), postings=postings)

    assert told(figure, "present", "required") == (1, 3)


# --- what counts -----------------------------------------------------------------------------


def test_two_visits_on_one_day_are_one_and_the_earliest_counts():
    figure = ask(
        DEPUTY,
        "2026-07",
        visit("later", at(7, 1, 14)),
        visit("first", at(7, 1, 9)),
        as_of=END_OF_JULY,
    )

    assert told(figure, "achieved", "required", "status") == (1, 6, "missed")
    assert figure.counted == [("first", 1)]
    assert figure.not_counted == [("later", "same_day", 1)]


def test_counted_by_visit_two_on_one_day_are_two():
    rule = replace(DEPUTY, count_by="visit")

    figure = ask(
        rule, "2026-07", visit("x", at(7, 1, 9)), visit("y", at(7, 1, 14)), as_of=END_OF_JULY
    )

    assert told(figure, "achieved") == (2,)


def test_a_stay_counts_each_day_in_its_own_period_and_no_new_day_at_midnight():
    # 29 June 08:00 to 4 July 00:00 covers 29 and 30 June, and 1 to 3 July.
    long_stay = stay("s", at(6, 29, 8), at(7, 4, 0))

    june = ask(RECRUITER, "2026-06", long_stay, as_of=END_OF_JULY)
    july = ask(RECRUITER, "2026-07", long_stay, as_of=END_OF_JULY)

    assert (june.counted, july.counted) == ([("s", 2)], [("s", 3)])


def test_over_midnight_covers_two_dates():
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

    assert told(figure, "achieved") == (achieved,)


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
    assert told(figure, "unit", "achieved") == ("u1", 3)


# --- as of -----------------------------------------------------------------------------------


def test_a_stay_under_way_counts_until_yesterday_and_plans_the_rest():
    under_way = stay("s", at(7, 6), at(7, 18, 0), status="planned")  # 6 to 17 July

    figure = ask(RECRUITER, "2026-07", under_way, as_of=at(7, 10, 15))

    assert told(figure, "achieved", "planned") == (4, 8)
    assert figure.counted == [("s", 4)]
    assert figure.not_counted == [("s", "not_done", 8)]


@pytest.mark.parametrize(
    ("as_of", "achieved", "planned"),
    [
        (at(7, 6, 8, 59), 0, 12),  # not begun
        (at(7, 7, 0, 0), 1, 11),
        (at(7, 17, 23, 59), 11, 1),
        (at(7, 18, 0, 0), 0, 12),  # ended, and not yet done
        (at(7, 20, 0, 0), 0, 12),  # last date + 3
        (at(7, 21, 0, 0), 0, 0),  # done today, it would be late
    ],
)
def test_a_stay_that_has_ended_waits_until_it_is_done(as_of, achieved, planned):
    planned_stay = stay("s", at(7, 6), at(7, 18, 0), status="planned")

    figure = ask(RECRUITER, "2026-07", planned_stay, as_of=as_of)

    assert told(figure, "achieved", "planned") == (achieved, planned)


def test_a_rejected_stay_under_way_is_neither_counted_nor_planned():
    rejected = stay(
        "s", at(7, 6), at(7, 18, 0), status="planned", verdict="rejected", verdict_at=at(7, 8)
    )

    before = ask(RECRUITER, "2026-07", rejected, as_of=at(7, 7, 23))
    after = ask(RECRUITER, "2026-07", rejected, as_of=at(7, 8))

    assert told(before, "achieved", "planned") == (1, 11)
    assert told(after, "achieved", "planned") == (0, 0)


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

    assert told(figure, "achieved", "planned") == (achieved, planned)
    assert len(figure.counted) + len(figure.not_counted) == listed


def test_an_imported_verdict_is_as_old_as_the_row():
    row = zones.VisitRow(
        "v", "outreach", "in_person", "done", at(7, 1), at(7, 1, 11), "a", (), at(7, 9), "confirmed"
    )

    imported = zones.as_imported(row, at(8, 1))

    assert (imported.entered_at, imported.logged_at, imported.verdict_at) == (at(7, 9),) * 3


def test_a_planned_row_is_entered_when_it_says_or_by_the_import():
    row = zones.VisitRow(
        "v", "outreach", "in_person", "planned", at(7, 9), at(7, 9, 11), "a", (), None, ""
    )

    unsaid = zones.as_imported(row, at(7, 5))
    said = zones.as_imported(replace(row, logged_at=at(7, 2)), at(7, 5))

    assert (unsaid.entered_at, unsaid.logged_at) == (at(7, 5), None)
    assert (said.entered_at, said.logged_at) == (at(7, 2), None)


# --- pace and status -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "visits", "status"),
    [
        # W30 is 20 to 26 July; three days of visits are owed.
        (at(7, 20), (), "at_risk"),  # pace 3 * 1 / 5 = 0.6, so 1
        (at(7, 19), (), "on_track"),  # not begun
        (at(7, 22), (visit("1", at(7, 20)),), "at_risk"),  # pace 1.8, so 2
        (at(7, 21), (visit("1", at(7, 20)),), "on_track"),  # pace 1.2, so 1
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

    assert told(figure, "required", "status") == (3, status)


def test_counted_by_visit_one_day_left_bounds_nothing():
    rule = replace(WEEKLY, count_by="visit")

    last_day = ask(rule, "2026-W30", as_of=at(7, 26))
    no_day = ask(
        rule,
        "2026-W30",
        as_of=at(7, 26),
        absences=[Absence("a", date(2026, 7, 26), date(2026, 7, 30))],
    )

    assert told(last_day, "status") == ("at_risk",)
    assert told(no_day, "status") == ("unreachable",)


def test_pace_counts_present_working_days_today_included():
    # 23 working days, ten of them until Tuesday 14 July: 6 * 10 / 23 = 2.6.
    figure = ask(DEPUTY, "2026-07", as_of=at(7, 14, 0))

    assert told(figure, "pace", "status") == (3, "at_risk")


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

    assert told(figure, "unit") == (unit,)


def test_whoever_never_holds_the_duty_has_no_figure():
    zone = Zone([posting("staff")], (), (), zones.SHIPPED, zones.is_library_workday)

    assert figures(zone, "2026-07", END_OF_JULY) == {}


@pytest.mark.parametrize(("period", "owed"), [("2026-W29", 1), ("2026-W30", 1), ("2026-W31", 2)])
def test_a_period_is_judged_whole_by_the_version_of_its_first_date(period, owed):
    rules = [
        replace(PRINCIPAL, valid_to=date(2026, 7, 21)),
        replace(PRINCIPAL, minimum=2, valid_from=date(2026, 7, 22)),
    ]
    zone = Zone([posting("principal")], (), (), rules, zones.is_library_workday)

    figure = figures(zone, period, END_OF_JULY)["principal-weekly", "a"]

    assert told(figure, "required") == (owed,)


def test_no_version_on_the_first_date_is_no_figure():
    rule = replace(PRINCIPAL, valid_from=date(2026, 7, 21))
    zone = Zone([posting("principal")], (), (), [rule], zones.is_library_workday)

    assert figures(zone, "2026-W30", END_OF_JULY) == {}


# --- random zones ----------------------------------------------------------------------------

SEEDS = range(25)


def test_a_seed_makes_the_same_zone_for_ever():
    assert zones.random_zone(7) == zones.random_zone(7)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_zones_are_such_as_the_imports_accept(seed):
    zone = zones.random_zone(seed)
    primary = sorted(
        ((p.username, p.from_on, p.to_on or date.max) for p in zone.postings if p.primary)
    )

    assert all(p[0] != q[0] or p[2] < q[1] for p, q in pairwise(primary))
    assert all(len(covered_dates(v)) <= zones.LONGEST_VISIT for v in zone.for_oracle().visits)
    assert all(v.ends_at > v.starts_at for v in zone.visits)
    assert all(v.logged_at >= v.ends_at for v in zone.for_oracle().visits if v.logged_at)
    assert all(v.entered_at <= zone.imported_at for v in zone.for_oracle().visits)


def test_random_zones_show_every_status_and_every_reason():
    answers = [
        figure
        for seed in SEEDS
        for zone in [zones.random_zone(seed)]
        for period, as_of in zone.questions
        for figure in figures(zone.for_oracle(), period, as_of).values()
    ]

    assert {figure.report["status"] for figure in answers} == {
        "exempt", "met", "missed", "unreachable", "at_risk", "on_track",
    }  # fmt: skip
    assert {reason for figure in answers for _, reason, _ in figure.not_counted} == {
        "outside_period", "not_leader", "wrong_kind", "wrong_channel", "not_done", "rejected",
        "logged_late", "outside_employment", "absent", "same_day",
    }  # fmt: skip


def test_the_files_tell_what_the_zone_holds(tmp_path):
    zone = zones.random_zone(3)

    with zones.write_visits(zone, tmp_path).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert [row["ref"] for row in rows] == [row.ref for row in zone.visits]
    assert sum(1 for _ in zones.write_people(zone, tmp_path).open(encoding="utf-8")) == 1 + len(
        zone.postings
    )
    assert sum(1 for _ in zones.write_absences(zone, tmp_path).open(encoding="utf-8")) == 1 + len(
        zone.absences
    )
    assert zones.write_rules(zone, tmp_path).read_text(encoding="utf-8").count("- code:") == len(
        zone.rules
    )


def test_period_of_names_the_period_that_holds_a_date():
    assert [period_of(kind, date(2026, 1, 1)) for kind in zones.PERIODS] == [
        "2026-W01", "2026-01-X1", "2026-01", "2026-Q1", "2026",
    ]  # fmt: skip
