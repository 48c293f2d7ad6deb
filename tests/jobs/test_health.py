"""Health checks: ticks, overdue slots, the backlog of mails."""

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, update

from crm.base.outbox import Message, State
from crm.jobs import health, lease, ledger
from crm.jobs.health import Health
from crm.transactions import transaction
from tests.conftest import NOW
from tests.jobs.mail import write
from tests.jobs.work import at, install, runner_of


def ticked(sessions, ago: timedelta) -> None:
    with transaction(sessions) as db:
        lease.acquire(db, "a node", lasts=lease.LASTS - ago)


def standstill(sessions, moment):
    with sessions() as db:
        return health.standstill(db, now=at(moment))


def test_without_an_installation_no_clock_is_expected_and_none_is_well(sessions):
    with sessions() as db:
        assert health.standstill(db, now=NOW) is None
        assert health.pulse(db, now=NOW).health is Health.FAIL


@pytest.mark.parametrize(
    ("moment", "expected"), [("2026-07-15T10:05", Health.OK), ("2026-07-15T10:06", Health.FAIL)]
)
def test_before_its_first_tick_the_clock_is_as_old_as_its_installation(sessions, moment, expected):
    install(sessions, "2026-07-15T10:00")

    with sessions() as db:
        pulse = health.pulse(db, now=at(moment))

    assert (pulse.has_ticked, pulse.health) == (False, expected)


def test_a_clock_that_ticks_and_has_nothing_due_does_not_stand_still(sessions):
    install(sessions, "2026-07-15T10:00")
    ticked(sessions, timedelta(minutes=4))

    assert standstill(sessions, "2026-07-15T11:00") is None


def test_a_clock_that_was_silent_for_six_minutes_stands_still(sessions):
    install(sessions, "2026-07-15T10:00")
    ticked(sessions, timedelta(minutes=6))

    found = standstill(sessions, "2026-07-15T10:06")

    assert timedelta(minutes=6) <= found.silent_for < timedelta(minutes=7)
    assert found.overdue is None


@pytest.mark.parametrize(
    ("moment", "slot"), [("2026-07-15T12:09", None), ("2026-07-15T12:10", "2026-07-15")]
)
def test_a_slot_is_overdue_after_ten_minutes_though_a_node_ticks(sessions, moment, slot):
    install(sessions, "2026-07-15T10:00")
    ticked(sessions, timedelta(0))

    found = standstill(sessions, moment)

    assert (found and found.overdue.name) == slot
    assert (found and found.job) == (slot and "进度提醒")


def test_a_slot_that_is_done_is_not_overdue(sessions):
    install(sessions, "2026-07-15T10:00")
    ticked(sessions, timedelta(0))
    runner_of(sessions).run_until(at("2026-07-15T12:00"), to_mailbox=True)

    assert standstill(sessions, "2026-07-15T13:00") is None


def test_the_backlog_is_told_by_state_with_its_age(sessions):
    write(sessions, "li")
    write(sessions, "wang", at=NOW - timedelta(minutes=50))

    with sessions() as db:
        backlog = health.backlog(db, now=NOW)

    assert (backlog.piles[State.PENDING].count, backlog.waiting) == (2, 2)
    assert backlog.oldest == timedelta(minutes=50)
    assert backlog.health is Health.OK


@pytest.mark.parametrize(
    ("state", "hours", "expected"),
    [
        (State.PENDING, 2, Health.WARN),
        (State.AMBIGUOUS, 25, Health.FAIL),
        (State.FAILED, 0, Health.WARN),
        (State.HELD, 99, Health.WARN),
        (State.SENT, 99, Health.OK),
        (State.SKIPPED, 99, Health.OK),
    ],
)
def test_what_waits_too_long_or_for_a_person_is_no_good(sessions, state, hours, expected):
    write(sessions, "li", at=NOW - timedelta(hours=hours))
    with transaction(sessions) as db:
        db.execute(update(Message).values(state=state))

    with sessions() as db:
        assert health.backlog(db, now=NOW).health is expected


def test_the_tables_are_up_to_date(sessions):
    with sessions() as db:
        assert health.is_migrated(db)
        assert health.has_file(db.get_bind())


def test_a_file_that_is_gone_is_seen_without_a_new_one(tmp_path):
    gone = tmp_path / "gone.sqlite3"

    assert not health.has_file(create_engine(f"sqlite:///{gone}"))
    assert not gone.exists()


def test_an_installation_that_is_told_of_knows_its_moment(sessions):
    install(sessions, "2026-07-15T10:00")

    with sessions() as db:
        assert ledger.installed_at(db) == NOW
