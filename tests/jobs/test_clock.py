"""A node runs what is due if it leads, delivers in any case, and stops when asked to."""

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from crm.base import clock
from crm.base.outbox import State
from crm.jobs import clock as node_clock
from crm.jobs import clock_check, lease
from crm.jobs.clock import ClockThreads, Node, scheduler_of
from crm.jobs.delivery import Deliverer
from crm.jobs.models import JobRun, Lease
from crm.jobs.runner import Runner
from crm.jobs.smtp import SmtpServer
from crm.jobs.timetable import JOBS, JobName
from crm.transactions import transaction
from tests.jobs.mail import post_office, write
from tests.jobs.mail_settings import MAILBOX_ONLY
from tests.jobs.work import KINDS, SITE, at, eventually, install, messages, runner_of


def leap(db, *_slot):
    """Ten years go by: the last sign of life lies as far back."""
    db.execute(update(Lease).values(expires_at=at("2016-07-20T00:00")))
    return {}


def node(sessions, moment: str, **work) -> Node:
    def now() -> datetime:
        return at(moment)

    deliverer = Deliverer(sessions, None, SITE.mail_from, now)
    return Node(runner_of(sessions, **work), deliverer, now=now)


@contextmanager
def threads_of_clock():
    """The clock's threads, stopped in the end: else they would go on in the next test."""
    threads = ClockThreads()
    try:
        yield threads
    finally:
        threads.stop()


def test_a_tick_does_what_is_due_and_delivers_it(sessions):
    install(sessions, "2026-07-19T12:00", "li")

    at_work = node(sessions, "2026-07-20T07:30")
    at_work.run_timetable()
    at_work.deliver()

    assert [message.state for message in messages(sessions)] == [State.SENT]


def test_a_node_that_does_not_lead_delivers_only(sessions):
    install(sessions, "2026-07-19T12:00", "li")
    leader = node(sessions, "2026-07-20T07:30")
    leader._runner.run_due(lambda: at("2026-07-20T07:30"))  # noqa: SLF001 - made, not delivered
    with transaction(sessions) as db:
        lease.acquire(db, "another node")

    at_work = node(sessions, "2026-07-20T12:00")
    at_work.run_timetable()
    at_work.deliver()

    assert [message.state for message in messages(sessions)] == [State.SENT]


def test_a_clock_that_leaps_during_a_slot_is_noticed_before_the_next(sessions):
    install(sessions, "2026-07-19T12:00")
    leaping = node(sessions, "2026-07-20T13:00", weekly_digest=leap)

    with pytest.raises(clock_check.UntrustedClockError, match="crm clock trust"):
        leaping.run_timetable()

    with sessions() as db:
        runs = select(JobRun.job).where(JobRun.job.in_(KINDS))
        assert db.scalars(runs).all() == [JobName.WEEKLY_DIGEST]


def test_a_node_that_retires_lets_the_next_one_lead(sessions):
    install(sessions, "2026-07-19T12:00", "li")
    first, second = (node(sessions, "2026-07-20T07:30") for _ in range(2))
    first.run_timetable()

    first.retire()
    second.run_timetable()

    with sessions() as db:
        assert lease.holder_of(db) == second.holder


def test_a_node_ticks_at_once_and_stops_when_told(sessions):
    install(sessions, "2200-01-01T00:00")
    with threads_of_clock() as threads:
        threads.start(sessions, SITE, MAILBOX_ONLY)

        assert eventually(lambda: threads.last_tick is not None)
        assert threads.seconds_since_tick() < 5

    with sessions() as db:
        assert lease.holder_of(db) is None


def test_a_node_that_is_not_woken_ticks_by_itself(sessions, monkeypatch):
    monkeypatch.setattr(node_clock, "WATCHDOG_SECONDS", 0.05)
    install(sessions, "2200-01-01T00:00")
    with threads_of_clock() as threads:
        threads.start(sessions, SITE, MAILBOX_ONLY)
        eventually(lambda: threads.last_tick is not None)
        first = threads.last_tick

        assert eventually(lambda: threads.last_tick != first)


def test_after_a_failed_tick_the_next_one_runs(sessions, monkeypatch):
    monkeypatch.setattr(node_clock, "WATCHDOG_SECONDS", 0.05)
    with threads_of_clock() as threads:
        threads.start(sessions, SITE, MAILBOX_ONLY)  # nothing is installed: each tick refuses
        time.sleep(0.2)
        assert threads.last_tick is None

        install(sessions, "2200-01-01T00:00")

        assert eventually(lambda: threads.last_tick is not None)


@pytest.fixture
def office():
    """A mail server that takes mails and answers none of them yet."""
    with post_office() as office:
        office.answers.clear()
        yield office


@pytest.fixture
def waiting(sessions, monkeypatch):
    """A zone on the morning of a digest, where 90 mails wait."""
    monkeypatch.setattr(node_clock, "WATCHDOG_SECONDS", 0.05)
    install(sessions, "2026-07-19T12:00")
    write(sessions, *(f"u{n}" for n in range(90)), at=at("2026-07-20T07:00"))
    return sessions


def node_of(sessions, office, now) -> Node:
    deliverer = Deliverer(sessions, SmtpServer.parse(office.url), SITE.mail_from, now)
    return Node(Runner(sessions, SITE), deliverer, now=now)


def done(sessions, job: JobName) -> bool:
    with sessions() as db:
        return db.scalar(select(JobRun.id).where(JobRun.job == job)) is not None


def test_a_digest_is_made_on_time_while_a_mail_server_hangs(waiting, office):
    moments = [at("2026-07-20T07:29")]
    with threads_of_clock() as threads:
        threads.run(node_of(waiting, office, lambda: moments[-1]))
        assert office.asked.wait(30)

        moments.append(at("2026-07-20T07:31"))

        assert eventually(lambda: done(waiting, JobName.WEEKLY_DIGEST))
        first = threads.last_tick
        assert eventually(lambda: threads.last_tick != first)  # the clock does not look dead
        with waiting() as db:
            assert lease.holder_of(db) is not None
        assert len(office.received) == 1
        office.answers.set()


def test_a_timetable_that_fails_looks_dead_though_mails_go_out(sessions, office):
    write(sessions, "li", "wang", at=at("2026-07-20T07:00"))  # nothing is installed: ticks refuse
    office.answers.set()
    with threads_of_clock() as threads:
        threads.run(node_of(sessions, office, lambda: at("2026-07-20T07:29")))

        assert eventually(lambda: len(office.received) == 2)
        assert threads.last_tick is None


@pytest.mark.parametrize("kind_of_database", ["postgresql"], indirect=True)
def test_the_lease_is_renewed_in_a_slot_that_takes_longer_than_it(sessions):
    install(sessions, "2026-07-19T12:00")
    seen = []

    def expiry():
        with sessions() as db:
            return db.scalars(select(Lease.expires_at)).one()

    def take_long(_db, slot, *_):
        seen.append(expiry())
        working.keep_lease()
        seen.append(expiry())
        return {}

    working = node(sessions, "2026-07-20T07:30", weekly_digest=take_long)
    working.run_timetable()

    assert seen[0] < seen[1]


@pytest.mark.parametrize("kind_of_database", ["postgresql"], indirect=True)
def test_a_slot_that_hangs_loses_the_lease_in_the_end(sessions, monkeypatch):
    install(sessions, "2026-07-19T12:00")
    monkeypatch.setattr(node_clock, "LONGEST_SLOT_SECONDS", 0)
    before = []

    def hang(_db, slot, *_):
        with sessions() as db:
            before.append(db.scalars(select(Lease.expires_at)).one())
        hanging.keep_lease()
        with sessions() as db:
            assert db.scalars(select(Lease.expires_at)).one() == before[0]
        return {}

    hanging = node(sessions, "2026-07-20T07:30", weekly_digest=hang)
    hanging.run_timetable()

    assert len(before) == 1


def test_a_node_between_two_slots_renews_nothing(sessions):
    install(sessions, "2026-07-19T12:00")
    idle = node(sessions, "2026-07-20T07:30")
    idle.run_timetable()
    idle.retire()

    idle.keep_lease()

    with sessions() as db:
        assert lease.holder_of(db) is None


def test_the_scheduler_wakes_at_the_jobs_times_of_day_in_civil_time():
    scheduler = scheduler_of(lambda: None, JOBS)
    at_noon = next(job for job in scheduler.get_jobs() if job.id == "at 12:00")

    fires = at_noon.trigger.get_next_fire_time(None, datetime(2026, 7, 15, 3, 0, tzinfo=UTC))

    assert sorted(job.id for job in scheduler.get_jobs()) == [
        "at 00:00",
        "at 03:00",
        "at 07:30",
        "at 07:45",
        "at 08:00",
        "at 12:00",
        "tick",
    ]
    assert clock.civil(fires) - at("2026-07-15T12:00") == timedelta(0)
