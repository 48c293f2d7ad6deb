"""A node ticks: it does what is due where it leads, delivers in any case, and ends when told."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from crm.base import clock
from crm.base.db import writing
from crm.base.outbox import State
from crm.jobs import clock as node_clock
from crm.jobs import lease, trust
from crm.jobs.clock import ClockRunner, Node
from crm.jobs.delivery import Courier
from crm.jobs.models import JobRun, Lease
from crm.jobs.scheduler import wake_ups
from crm.jobs.timetable import JOBS, JobName
from tests.jobs.work import KINDS, SITE, at, clockwork_of, install, messages


def leap(db, *_slot):
    """Ten years go by: the last sign of life lies as far back."""
    db.execute(update(Lease).values(expires_at=at("2016-07-20T00:00")))
    return {}


def node(sessions, moment: str, **work) -> Node:
    def now() -> datetime:
        return at(moment)

    courier = Courier(sessions, None, SITE.mail_from, now)
    return Node(clockwork_of(sessions, **work), courier, now=now)


def eventually(claim, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.02)
    return claim()


def test_a_tick_does_what_is_due_and_delivers_it(sessions):
    install(sessions, "2026-07-19T12:00", "li")

    node(sessions, "2026-07-20T07:30").tick()

    assert [message.state for message in messages(sessions)] == [State.SENT]


def test_a_node_that_does_not_lead_delivers_only(sessions):
    install(sessions, "2026-07-19T12:00", "li")
    leader = node(sessions, "2026-07-20T07:30")
    leader._clockwork.run_due(lambda: at("2026-07-20T07:30"))  # noqa: SLF001 - made, not delivered
    with writing(sessions) as db:
        lease.hold(db, "another node")

    node(sessions, "2026-07-20T12:00").tick()

    assert [message.state for message in messages(sessions)] == [State.SENT]


def test_a_clock_that_leaps_in_a_slot_is_found_before_the_next(sessions):
    install(sessions, "2026-07-19T12:00")
    leaping = node(sessions, "2026-07-20T13:00", weekly_digest=leap)

    with pytest.raises(trust.DoubtfulClockError, match="crm clock trust"):
        leaping.tick()

    with sessions() as db:
        runs = select(JobRun.job).where(JobRun.job.in_(KINDS))
        assert db.scalars(runs).all() == [JobName.WEEKLY_DIGEST]


def test_a_node_that_retires_lets_the_next_one_lead(sessions):
    install(sessions, "2026-07-19T12:00", "li")
    first, second = (node(sessions, "2026-07-20T07:30") for _ in range(2))
    first.tick()

    first.retire()
    second.tick()

    with sessions() as db:
        assert lease.holder_of(db) == second.holder


def test_a_runner_ticks_at_once_and_ends_when_told(sessions):
    install(sessions, "2200-01-01T00:00")
    runner = ClockRunner()
    runner.start(sessions, SITE, None)

    assert eventually(lambda: runner.last_tick is not None)
    assert runner.seconds_since_tick() < 5
    runner.stop()

    with sessions() as db:
        assert lease.holder_of(db) is None


def test_a_runner_that_nobody_wakes_ticks_by_itself(sessions, monkeypatch):
    monkeypatch.setattr(node_clock, "WATCHDOG_SECONDS", 0.05)
    install(sessions, "2200-01-01T00:00")
    runner = ClockRunner()
    runner.start(sessions, SITE, None)
    eventually(lambda: runner.last_tick is not None)
    first = runner.last_tick

    assert eventually(lambda: runner.last_tick != first)
    runner.stop()


def test_a_tick_that_fails_is_not_the_last(sessions, monkeypatch):
    monkeypatch.setattr(node_clock, "WATCHDOG_SECONDS", 0.05)
    runner = ClockRunner()
    runner.start(sessions, SITE, None)  # nothing is installed: each tick refuses
    time.sleep(0.2)
    assert runner.last_tick is None

    install(sessions, "2200-01-01T00:00")

    assert eventually(lambda: runner.last_tick is not None)
    runner.stop()


def test_the_scheduler_wakes_at_the_jobs_times_of_day_in_civil_time():
    scheduler = wake_ups(lambda: None, JOBS)
    at_noon = next(job for job in scheduler.get_jobs() if job.id == "at 12:00")

    fires = at_noon.trigger.get_next_fire_time(None, datetime(2026, 7, 15, 3, 0, tzinfo=UTC))

    assert sorted(job.id for job in scheduler.get_jobs()) == [
        "at 00:00",
        "at 07:30",
        "at 07:45",
        "at 08:00",
        "at 12:00",
        "tick",
    ]
    assert clock.civil(fires) - at("2026-07-15T12:00") == timedelta(0)
