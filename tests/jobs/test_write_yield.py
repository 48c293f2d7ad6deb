"""A process that writes for long lets others in."""

import sqlite3
from contextlib import closing
from threading import Event, Thread

import pytest

from crm.base.clock import monotonic
from crm.jobs import lease
from crm.jobs.write_yield import AFTER_SECONDS, PAUSE_SECONDS, WriteYield
from crm.transactions import transaction


@pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)
def test_another_writer_gets_in_between_transactions(sessions, database_url, monkeypatch):
    monkeypatch.setattr("crm.jobs.write_yield.AFTER_SECONDS", 0.3)
    done = Event()

    def write_on() -> None:
        write_yield = WriteYield(sessions)
        while not done.is_set():
            with transaction(sessions) as db:
                lease.acquire(db, "a node")
                done.wait(0.03)
            write_yield.pause_if_due()

    thread = Thread(target=write_on)
    thread.start()
    try:
        path = database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # or it raises after five seconds
            other.execute("ROLLBACK")
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("seconds", "pauses"), [(PAUSE_SECONDS, 0), (PAUSE_SECONDS / 2, 1)])
def test_no_pause_follows_a_gap_that_was_as_long(sessions, monkeypatch, seconds, pauses):
    slept = []
    monkeypatch.setattr("crm.jobs.write_yield.sleep", slept.append)
    write_yield = WriteYield(sessions, monotonic() - AFTER_SECONDS)

    write_yield.note_gap(monotonic() - seconds)
    write_yield.pause_if_due()

    assert len(slept) == pauses
