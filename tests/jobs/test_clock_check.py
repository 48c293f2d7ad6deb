"""A clock that leapt is not trusted until a person confirms it."""

from datetime import timedelta

import pytest

from crm.base import clock
from crm.jobs import clock_check, lease
from crm.jobs.clock_check import Reason
from crm.transactions import transaction


def ticked(sessions, ago: timedelta) -> None:
    with transaction(sessions) as db:
        lease.acquire(db, "a node", lasts=lease.LASTS - ago)


def leads(sessions) -> bool:
    with transaction(sessions) as db:
        return lease.acquire(db, "a node")


def doubt(sessions, ahead: timedelta = timedelta(0)):
    with sessions() as db:
        return clock_check.find_doubt(db, now=clock.now() + ahead)


def test_a_clock_that_never_ticked_is_trusted(sessions):
    assert doubt(sessions) is None


@pytest.mark.parametrize("days", [0, 10, 30])
def test_after_an_ordinary_downtime_the_clock_goes_on_by_itself(sessions, days):
    ticked(sessions, timedelta(days=days))

    assert doubt(sessions) is None


def test_a_tick_ten_years_ago_is_a_leap(sessions):
    ticked(sessions, timedelta(days=3652))

    assert doubt(sessions).reason is Reason.LEAP
    assert not clock_check.is_trusted(sessions)


def test_a_person_can_confirm_the_clock(sessions):
    ticked(sessions, timedelta(days=60))
    assert not leads(sessions)

    clock_check.trust(sessions)

    assert doubt(sessions) is None
    assert leads(sessions)


def test_confirming_the_clock_takes_the_lease_from_nobody(sessions):
    ticked(sessions, timedelta(0))

    clock_check.trust(sessions)

    with sessions() as db:
        assert lease.holder_of(db) == "a node"


def test_a_clock_that_leaps_after_the_check_takes_no_lease(sessions):
    ticked(sessions, timedelta(days=3652))

    assert not leads(sessions)
    assert doubt(sessions).reason is Reason.LEAP


@pytest.mark.parametrize("kind_of_database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("hours", [-2, 3, 87660])
def test_a_clock_far_from_the_databases_is_not_trusted(sessions, hours):
    found = doubt(sessions, timedelta(hours=hours))

    assert found.reason is Reason.APART
    assert abs(found.off - abs(timedelta(hours=hours))) < timedelta(minutes=1)


@pytest.mark.parametrize("kind_of_database", ["postgresql"], indirect=True)
def test_a_gap_of_some_minutes_is_trusted(sessions):
    assert doubt(sessions, timedelta(minutes=50)) is None


def test_a_lease_of_a_clock_that_ran_ahead_blocks_nobody(sessions):
    with transaction(sessions) as db:
        lease.acquire(db, "a node", lasts=timedelta(hours=3))

    with transaction(sessions) as db:
        assert lease.acquire(db, "another")


def test_while_the_clock_runs_on_it_stays_trusted_without_asking(sessions):
    is_trusted = clock_check.TrustCheck(sessions)
    before = is_trusted()

    ticked(sessions, timedelta(days=60))  # what the database would answer now: a doubt

    assert before
    assert is_trusted()


def test_a_clock_that_leaps_between_two_mails_is_checked_at_once(sessions, monkeypatch):
    now, is_trusted = clock.now(), clock_check.TrustCheck(sessions)
    before = is_trusted()

    ticked(sessions, timedelta(days=60))
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=1))

    assert before
    assert not is_trusted()
