"""Clocks that go wrong under a running node, and a week of downtime over a month's end."""

import json

import pytest
from sqlalchemy import update

from crm.jobs.models import JobRun
from tests.faults.arranged import Clocks, Haste, off_from
from tests.faults.crew import crew, wait_until
from tests.jobs.work import at

HOUR = 3600
TEN_YEARS = 10 * 366 * 24 * HOUR
RETURNED = "2026-07-04T09:00"
STARTED = "2026-06-08T06:00"  # a Monday, before the weekly digest


def set_clock(machine, seconds):
    """Let the process read another time at once; it never sees a half-written file."""
    written = machine.with_suffix(".new")
    written.write_text(seconds)
    written.replace(machine)


def slots(zone):
    return sorted(zone.ask("SELECT job, slot FROM job_run WHERE job <> 'install'"))


def ticked(zone):
    return zone.ask("SELECT expires_at FROM lease WHERE name = 'timetable'")


def until_it_ticks(zone, runs):
    before = ticked(zone)
    wait_until(lambda: ticked(zone) != before, else_tell=lambda: runs.says)


def until_it_doubts(runs):
    before = runs.says.count("clock.doubted")
    wait_until(lambda: runs.says.count("clock.doubted") > before + 1, else_tell=lambda: runs.says)


@pytest.fixture
def undisturbed(filled, copy):
    """What there is on that Monday at 09:30, lived as by a clock that is right."""
    zone = copy(filled)
    zone.crm("clock", "run", "--until", "2026-06-08T09:30")
    return zone


def test_whatever_the_clock_shows_no_slot_is_repeated_and_no_years_are_lived(
    zone, undisturbed, tmp_path
):
    machine = tmp_path / "machine"
    set_clock(machine, "0")
    wrong = Clocks(off_from(at(STARTED)), machine=machine)
    with crew(zone, wrong, Haste()) as runs:
        runs.start("clock")
        wait_until(lambda: not zone.due(at(STARTED)), else_tell=lambda: runs.says)
        caught_up = slots(zone)

        set_clock(machine, str(-2 * HOUR))
        on_sqlite(zone, until_it_ticks, zone, runs) or until_it_doubts(runs)
        assert slots(zone) == caught_up

        set_clock(machine, str(3 * HOUR))
        on_sqlite(zone, until_done_once, zone, runs) or until_it_doubts(runs)
        set_clock(machine, "0")
        until_it_ticks(zone, runs)
        before_the_leap = slots(zone)

        set_clock(machine, str(TEN_YEARS))
        until_it_doubts(runs)
        assert slots(zone) == before_the_leap

        set_clock(machine, "0")
        until_it_ticks(zone, runs)
        assert slots(zone) == before_the_leap
        runs.dismiss()
    with crew(zone, Clocks(off_from(at("2026-06-08T09:30"))), Haste()) as runs:
        runs.start("clock")
        wait_until(lambda: not zone.due(at("2026-06-08T09:30")), else_tell=lambda: runs.says)
        runs.dismiss()

    assert slots(zone) == slots(undisturbed)
    assert zone.rows().digests == undisturbed.rows().digests


def on_sqlite(zone, step, *given):
    """SQLite has the machine's clock, so what is a little wrong is taken as it is."""
    if zone.kind == "sqlite":
        step(*given)
    return zone.kind == "sqlite"


def until_done_once(zone, runs):
    wait_until(lambda: not zone.due(at("2026-06-08T08:30")), else_tell=lambda: runs.says)


@pytest.mark.slow  # tests/jobs/test_clock_check.py says it of one process
def test_ten_years_ahead_a_person_is_told_and_says_when_it_is_right(zone, tmp_path):
    machine = tmp_path / "machine"
    set_clock(machine, "0")
    wrong = Clocks(off_from(at("2026-06-01T00:10")), machine=machine)
    with crew(zone, wrong, Haste()) as runs:
        runs.start("clock")
        until_it_ticks(zone, runs)
        runs.dismiss()
    later = Clocks(off_from(at(RETURNED)))  # nobody was there for 33 days
    with crew(zone, later, Haste()) as runs:
        node = runs.start("clock")
        until_it_doubts(runs)
        doctor = runs.start("doctor", "--format", "json")
        doctor.is_over(40)
        idle = slots(zone)
        runs.members.remove(doctor)
        runs.start("clock", "trust").ended()
        wait_until(lambda: not zone.due(at(RETURNED)), else_tell=lambda: node.says)
        runs.dismiss()

    result = {row["check"]: row["told"] for row in json.loads(doctor.printed.read_text())}
    assert "crm clock trust" in result["clock"]
    assert len(idle) < 10
    assert ("assess", "2026-06") in slots(zone)


@pytest.mark.slow  # tests/jobs/test_runner.py says it of one process
def test_after_a_week_of_downtime_over_a_months_end_all_is_done_once(zone, copy):
    with zone.session() as db, db.begin():  # let the clock begin here, so that this is short
        db.execute(update(JobRun).values(due_at=at("2026-06-26T00:00")))
    undisturbed = copy(zone)
    undisturbed.crm("clock", "run", "--until", "2026-07-06T09:00")
    zone.crm("clock", "run", "--until", "2026-06-28")
    before = len(slots(zone))
    with crew(zone, Clocks(off_from(at("2026-07-06T09:00"))), Haste()) as runs:
        for _ in range(2):
            runs.start("clock")
        wait_until(lambda: not zone.due(at("2026-07-06T09:00")), else_tell=lambda: runs.says)
        runs.dismiss()
    reasons = dict(
        zone.ask("SELECT slot, reason FROM job_run WHERE job IN ('nudge', 'monthly-digest')")
    )
    notes = {m.note for m in zone.messages() if m.dedupe_key.startswith("monthly-digest:zone:zhao")}

    assert slots(zone) == slots(undisturbed)
    assert len(slots(zone)) > before + 20
    assert zone.rows().digests == undisturbed.rows().digests
    assert reasons["2026-06-30"] == "已过时限，跳过"
    assert reasons["2026-06"] == "延迟补做"
    assert notes != set()
