"""One leader at a time, by the database's own clock."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from crm.jobs import lease
from crm.transactions import transaction

SHORT = timedelta(milliseconds=200)


def hold(sessions, holder: str, lasts: timedelta = lease.LASTS) -> bool:
    with transaction(sessions) as db:
        return lease.acquire(db, holder, lasts=lasts)


def test_a_lease_has_one_holder_who_may_renew_it(sessions):
    assert hold(sessions, "a")
    assert not hold(sessions, "b")
    assert hold(sessions, "a")

    with sessions() as db:
        assert lease.holder_of(db) == "a"


def test_a_lease_that_ran_out_passes_on_and_its_old_holder_learns_of_it(sessions):
    hold(sessions, "a", SHORT)
    time.sleep(0.25)

    assert hold(sessions, "b")
    assert not hold(sessions, "a")


def test_a_lease_is_read_as_ended_once_it_ran_out(sessions):
    hold(sessions, "a", SHORT)
    time.sleep(0.25)

    with sessions() as db:
        assert lease.holder_of(db) is None


def test_a_released_lease_is_free_at_once(sessions):
    hold(sessions, "a")

    with transaction(sessions) as db:
        lease.release(db, "b")
        lease.release(db, "a")

    assert hold(sessions, "b")


def test_of_many_nodes_at_once_one_gets_the_lease(sessions):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: hold(sessions, f"node {n}"), range(4)))

    assert sorted(answers) == [False, False, False, True]


def test_a_lease_that_was_never_held_has_no_age(sessions):
    with sessions() as db:
        assert lease.silent_for(db) is None


def test_the_last_renewal_is_known_to_every_process(sessions):
    hold(sessions, "a", lease.LASTS - timedelta(minutes=6))

    with sessions() as db:
        assert timedelta(minutes=6) <= lease.silent_for(db) < timedelta(minutes=7)


def test_a_released_lease_keeps_its_release_time(sessions):
    hold(sessions, "a")
    with transaction(sessions) as db:
        lease.release(db, "a")

    with sessions() as db:
        assert lease.silent_for(db) < timedelta(seconds=30)


def test_a_clock_that_was_set_back_gives_no_negative_age(sessions):
    hold(sessions, "a", timedelta(hours=2))

    with sessions() as db:
        assert lease.silent_for(db) == timedelta(0)
