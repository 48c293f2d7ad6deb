"""When jobs are due, and how long a late slot is of use."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import islice, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.base.clock import at_civil, civil
from crm.base.periods import Period, PeriodKind
from crm.base.workdays import Source, Workday, WorkingCalendar
from crm.jobs.timetable import JOBS, Job, JobName, MissedSlotRule, Timing, slots, timing_of_slot

WEEKLY, MONTHLY, BRIEF, TEN_DAY, NUDGE, RETENTION = (
    next(job for job in JOBS if job.name is name)
    for name in (
        JobName.WEEKLY_DIGEST,
        JobName.MONTHLY_DIGEST,
        JobName.MORNING_BRIEF,
        JobName.TEN_DAY,
        JobName.NUDGE,
        JobName.RETENTION,
    )
)
CLOSING_NAMES = (JobName.ASSESS, JobName.FREEZE, JobName.SETTLED_FIGURES)
CLOSING = [job for job in JOBS if job.name in CLOSING_NAMES]
CALENDAR = WorkingCalendar()


def at(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return at_civil(moment.date(), moment.time())


def slot_names(job: Job, since: str, until: str, calendar: WorkingCalendar = CALENDAR) -> list[str]:
    found = takewhile(lambda slot: slot.due_at <= at(until), slots(job, calendar, since=at(since)))
    return [f"{slot.name} {civil(slot.due_at):%m-%d %H:%M}" for slot in found]


def slot_of(job: Job, name: str):
    following = slots(job, CALENDAR, since=at("2026-01-01T00:00"))
    return next(slot for slot in following if slot.name == name)


def test_a_weekly_digest_is_due_on_the_monday_after_its_week():
    assert slot_names(WEEKLY, "2026-07-20T07:31", "2026-08-03T07:30") == [
        "2026-W30 07-27 07:30",
        "2026-W31 08-03 07:30",
    ]


def test_after_a_week_without_a_working_day_two_weekly_digests_are_due_at_once():
    assert slot_names(WEEKLY, "2026-02-15T00:00", "2026-02-28T00:00") == [
        "2026-W07 02-24 07:30",
        "2026-W08 02-24 07:30",
    ]


def test_a_monthly_digest_is_due_on_the_first_working_day_of_the_next_month():
    assert slot_names(MONTHLY, "2026-07-01T00:00", "2026-11-30T00:00") == [
        "2026-06 07-01 07:30",
        "2026-07 08-03 07:30",
        "2026-08 09-01 07:30",
        "2026-09 10-08 07:30",
        "2026-10 11-02 07:30",
    ]


def test_a_nudge_is_due_at_noon_of_working_days_and_make_up_days_only():
    # Sunday 4 January 2026 is a make-up day
    assert slot_names(NUDGE, "2026-01-01T00:00", "2026-01-06T11:59") == [
        "2026-01-04 01-04 12:00",
        "2026-01-05 01-05 12:00",
    ]


def test_a_slot_due_at_the_very_beginning_exists():
    assert slot_names(WEEKLY, "2026-07-27T07:30", "2026-07-27T07:30") == ["2026-W30 07-27 07:30"]


def test_a_brief_is_due_in_the_morning_of_working_days():
    assert slot_names(BRIEF, "2026-07-17T00:00", "2026-07-20T12:00") == [
        "2026-07-17 07-17 07:45",
        "2026-07-20 07-20 07:45",
    ]


def test_a_brief_is_due_on_make_up_days_and_on_no_holiday():
    # Saturday 10 October 2026 is a make-up day after the holiday from 1 to 7 October
    assert slot_names(BRIEF, "2026-09-30T12:00", "2026-10-12T12:00") == [
        "2026-10-08 10-08 07:45",
        "2026-10-09 10-09 07:45",
        "2026-10-10 10-10 07:45",
        "2026-10-12 10-12 07:45",
    ]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (
            "2026-07-01T08:00",
            "2026-07-31T00:00",
            ["2026-07-X1 07-01 08:00", "2026-07-X2 07-13 08:00", "2026-07-X3 07-21 08:00"],
        ),
        # the holiday of 1 October takes the first one to the 8th
        (
            "2026-09-30T00:00",
            "2026-10-31T00:00",
            ["2026-10-X1 10-08 08:00", "2026-10-X2 10-12 08:00", "2026-10-X3 10-21 08:00"],
        ),
        # the Spring Festival, 15 to 23 February, takes the last one to the 24th
        (
            "2026-02-01T00:00",
            "2026-02-28T00:00",
            ["2026-02-X1 02-02 08:00", "2026-02-X2 02-11 08:00", "2026-02-X3 02-24 08:00"],
        ),
    ],
)
def test_a_ten_day_supervision_is_due_on_the_first_working_day_of_its_xun(since, until, expected):
    assert slot_names(TEN_DAY, since, until) == expected


def closing(name: JobName, kind: PeriodKind) -> Job:
    return next(job for job in CLOSING if (job.name, job.cycle) == (name, kind))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (PeriodKind.WEEK, ["2026-W31 08-03 00:00", "2026-W32 08-10 00:00"]),
        (PeriodKind.XUN, ["2026-07-X3 08-01 00:00", "2026-08-X1 08-11 00:00"]),
        (PeriodKind.MONTH, ["2026-07 08-01 00:00"]),
    ],
)
def test_a_period_of_any_kind_is_assessed_at_midnight_after_its_last_date(kind, expected):
    job = closing(JobName.ASSESS, kind)

    assert slot_names(job, "2026-07-31T00:00", "2026-08-12T00:00") == expected


@pytest.mark.parametrize(
    ("kind", "since", "until", "expected"),
    [
        (PeriodKind.MONTH, "2026-08-01", "2026-08-31", ["2026-07 08-06 00:00"]),
        (PeriodKind.WEEK, "2026-07-30", "2026-08-01", ["2026-W30 07-30 00:00"]),
        # after the Spring Festival two weeks at once
        (
            PeriodKind.WEEK,
            "2026-02-15",
            "2026-02-28",
            ["2026-W07 02-27 00:00", "2026-W08 02-27 00:00"],
        ),
        (PeriodKind.YEAR, "2026-01-01", "2026-01-31", ["2025 01-07 00:00"]),
    ],
)
def test_it_is_frozen_at_midnight_after_the_third_working_day_that_follows(
    kind, since, until, expected
):
    job = closing(JobName.FREEZE, kind)

    assert slot_names(job, f"{since}T00:00", f"{until}T00:00") == expected


def test_the_settled_report_is_due_on_the_second_working_day_from_a_months_freeze():
    job = closing(JobName.SETTLED_FIGURES, PeriodKind.MONTH)

    assert slot_names(job, "2026-07-01T00:00", "2026-10-31T00:00") == [
        "2026-06 07-07 08:00",  # frozen on Saturday the 4th
        "2026-07 08-07 08:00",
        "2026-08 09-07 08:00",
        "2026-09 10-13 08:00",  # Saturday the 10th is a make-up day
    ]


@pytest.mark.parametrize("job", CLOSING)
def test_closing_is_always_done_however_late(job):
    slot = next(slots(job, CALENDAR, since=at("2026-01-01T00:00")))

    assert timing_of_slot(slot, CALENDAR, now=at("2029-01-01T00:00")) is Timing.LATE


@pytest.mark.parametrize(
    ("job", "name", "now", "expected"),
    [
        (NUDGE, "2026-07-15", "2026-07-15T12:00", Timing.ON_TIME),
        (NUDGE, "2026-07-15", "2026-07-15T12:10", Timing.ON_TIME),
        (NUDGE, "2026-07-15", "2026-07-15T12:11", Timing.LATE),
        (NUDGE, "2026-07-15", "2026-07-15T17:59", Timing.LATE),
        (NUDGE, "2026-07-15", "2026-07-15T18:00", Timing.SKIPPED),
        (BRIEF, "2026-07-15", "2026-07-15T17:59", Timing.LATE),
        (BRIEF, "2026-07-15", "2026-07-15T18:00", Timing.SKIPPED),
        (TEN_DAY, "2026-07-X1", "2026-07-01T08:10", Timing.ON_TIME),
        (TEN_DAY, "2026-07-X1", "2026-07-13T07:59", Timing.LATE),
        (TEN_DAY, "2026-07-X1", "2026-07-13T08:00", Timing.SKIPPED),
        (RETENTION, "2026-07", "2026-08-01T03:00", Timing.SKIPPED),
        (WEEKLY, "2026-W30", "2026-07-28T09:00", Timing.LATE),
        (WEEKLY, "2026-W30", "2026-08-03T07:29", Timing.LATE),
        (WEEKLY, "2026-W30", "2026-08-03T07:30", Timing.ARCHIVED),
        (WEEKLY, "2026-W07", "2026-02-24T07:31", Timing.ON_TIME),
        (WEEKLY, "2026-W07", "2026-02-25T07:30", Timing.LATE),
        (WEEKLY, "2026-W08", "2026-03-02T07:29", Timing.LATE),
        (MONTHLY, "2026-07", "2026-08-31T23:00", Timing.LATE),
        (MONTHLY, "2026-07", "2026-09-01T07:30", Timing.ARCHIVED),
    ],
)
def test_the_timing_of_a_slot(job, name, now, expected):
    assert timing_of_slot(slot_of(job, name), CALENDAR, now=at(now)) is expected


@pytest.mark.parametrize(
    ("lateness", "expected"),
    [(MissedSlotRule.ALWAYS, Timing.LATE), (MissedSlotRule.UNTIL_NEXT, Timing.SKIPPED)],
)
def test_other_latenesses_a_year_later(lateness, expected):
    slot = slot_of(replace(WEEKLY, lateness=lateness), "2026-W30")

    assert timing_of_slot(slot, CALENDAR, now=at("2027-07-27T07:30")) is expected


def test_a_calendar_changed_later_neither_drops_a_slot_nor_repeats_one():
    monday_off = date(2026, 7, 27)
    changed = WorkingCalendar({monday_off: Workday(is_workday=False, source=Source.OVERRIDE)})

    after_30 = next(slots(WEEKLY, changed, since=at("2026-07-01T00:00"), last="2026-W30"))
    after_29 = next(slots(WEEKLY, changed, since=at("2026-07-01T00:00"), last="2026-W29"))

    assert after_30.name == "2026-W31"
    assert (after_29.name, after_29.due_at) == ("2026-W30", at("2026-07-28T07:30"))


@given(
    st.sampled_from(JOBS),
    st.dates(date(2024, 1, 1), date(2028, 12, 31)),
    st.integers(0, 1439),
    st.integers(1, 30),
)
def test_slots_come_in_order_and_do_not_depend_on_where_one_begins(job, on, minute, count):
    since = at_civil(on) + timedelta(minutes=minute)

    found = list(islice(slots(job, CALENDAR, since=since), count))
    again = list(islice(slots(job, CALENDAR, since=since, last=found[0].name), count - 1))

    assert found == sorted(found, key=lambda slot: (slot.due_at, slot.name))
    assert [slot.name for slot in found] == sorted({slot.name for slot in found})
    assert again == found[1:]
    assert all(slot.due_at >= since for slot in found)


@given(st.dates(date(2024, 1, 1), date(2028, 12, 31)))
def test_every_week_and_month_has_its_digest(on):
    since = at_civil(on)

    first_week = next(slots(WEEKLY, CALENDAR, since=since))
    first_month = next(slots(MONTHLY, CALENDAR, since=since))

    assert Period.parse(first_week.name).last < civil(first_week.due_at).date()
    assert Period.parse(first_month.name).last < civil(first_month.due_at).date()
    before = next(slots(WEEKLY, CALENDAR, since=since - timedelta(days=60)))
    assert before.due_at < since


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # a Friday to a Monday: every day, whether people work on it or not
        (JobName.ESCALATE, ["2026-07-24 07-24 00:00", "2026-07-25 07-25 00:00"]),
        (JobName.AUDIT_SEAL, ["2026-07-23 07-24 00:00", "2026-07-24 07-25 00:00"]),
    ],
)
def test_orders_escalate_and_the_days_trail_is_sealed_every_day_at_midnight(name, expected):
    job = next(job for job in JOBS if job.name is name)

    assert slot_names(job, "2026-07-24T00:00", "2026-07-25T12:00") == expected


def test_what_is_over_its_period_is_cleared_on_the_first_of_each_month_at_night():
    assert slot_names(RETENTION, "2026-07-01T00:00", "2026-08-02T00:00") == [
        *("2026-07 07-01 03:00", "2026-08 08-01 03:00")
    ]


def test_july_2026_is_frozen_on_6_august():
    job = closing(JobName.FREEZE, PeriodKind.MONTH)

    assert slot_of(job, "2026-07").due_at == at("2026-08-06T00:00")


@pytest.mark.parametrize("job", [BRIEF, NUDGE])
def test_a_brief_and_a_nudge_are_made_late_until_18_of_their_day(job):
    slot = slot_of(job, "2026-07-15")

    moments = ("2026-07-15T17:59", "2026-07-15T18:00")

    assert [timing_of_slot(slot, CALENDAR, now=at(each)) for each in moments] == [
        *(Timing.LATE, Timing.SKIPPED)
    ]


@pytest.mark.parametrize(
    ("job", "name", "until", "after"),
    [
        (TEN_DAY, "2026-07-X1", "2026-07-13T08:00", Timing.SKIPPED),
        (RETENTION, "2026-07", "2026-08-01T03:00", Timing.SKIPPED),
        (WEEKLY, "2026-W30", "2026-08-03T07:30", Timing.ARCHIVED),
        (MONTHLY, "2026-07", "2026-09-01T07:30", Timing.ARCHIVED),
    ],
)
def test_supervision_and_digests_are_made_late_until_a_later_one_is_due(job, name, until, after):
    slot = slot_of(job, name)

    before = timing_of_slot(slot, CALENDAR, now=at(until) - timedelta(minutes=1))

    assert (before, timing_of_slot(slot, CALENDAR, now=at(until))) == (Timing.LATE, after)


@pytest.mark.parametrize(
    "job", [job for job in JOBS if job not in (BRIEF, NUDGE, TEN_DAY, WEEKLY, MONTHLY, RETENTION)]
)
def test_all_else_is_made_however_late(job):
    slot = next(slots(job, CALENDAR, since=at("2026-01-01T00:00")))

    assert timing_of_slot(slot, CALENDAR, now=at("2029-01-01T00:00")) is Timing.LATE
