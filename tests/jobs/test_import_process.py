"""Imports of many rows in a process of their own, which the clock starts."""

import errno
import os
import sys
from subprocess import DEVNULL, Popen

import pytest

from crm.base import clock
from crm.cli import import_worker
from crm.imports.models import ImportRun
from crm.imports.rules import LEASE, RunState
from crm.jobs.import_process import work_on_long_imports
from crm.transactions import transaction
from tests.conftest import NOW
from tests.databases import SECRET
from tests.jobs.test_importing import ROWS, run_id

__all__ = ["run_id"]
pytestmark = pytest.mark.slow_on_postgresql


@pytest.fixture(autouse=True)
def _long(monkeypatch):
    """The table is long enough for a process."""
    monkeypatch.setattr("crm.jobs.import_process.MOST_IN_THREAD", ROWS - 1)


def started(sessions, start, may_go_on=lambda: True):
    """The process that the clock starts, if it starts one."""
    processes = []

    def note():
        processes.append(start())
        return processes[-1]

    work_on_long_imports(sessions, lambda: NOW, may_go_on, note)
    return processes


def python(code):
    """What starts a process of that code."""
    return lambda: Popen([sys.executable, "-c", code], stdin=DEVNULL)


def state(sessions, run_id):
    with sessions() as db:
        return db.get_one(ImportRun, run_id).state


def test_a_table_that_waits_is_worked_on_by_a_process_that_ends(
    sessions, database_url, run_id, monkeypatch, tmp_path
):
    monkeypatch.setenv("CRM_DATABASE_URL", database_url)
    monkeypatch.setenv("CRM_DATA", str(tmp_path))
    monkeypatch.setenv("CRM_SECRET_KEY", SECRET)

    [process] = started(sessions, import_worker.start)

    assert (process.pid != os.getpid(), process.returncode) == (True, 0)
    assert state(sessions, run_id) is RunState.PREVIEW


def test_no_process_is_started_where_nothing_waits(sessions, run_id):
    with transaction(sessions) as db:
        db.get_one(ImportRun, run_id).state = RunState.PREVIEW

    assert started(sessions, python("")) == []


def test_for_few_rows_no_process_is_started(sessions, run_id, monkeypatch):
    monkeypatch.setattr("crm.jobs.import_process.MOST_IN_THREAD", ROWS)

    assert started(sessions, python("")) == []
    assert state(sessions, run_id) is RunState.PREVIEW


def test_where_no_process_can_be_started_the_clock_does_it_itself(sessions, run_id):
    def begin():
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    assert started(sessions, begin) == []
    assert state(sessions, run_id) is RunState.PREVIEW


def test_where_the_process_cannot_work_the_clock_does_it_itself(sessions, run_id):
    [process] = started(sessions, python("raise SystemExit(3)"))

    assert process.returncode == 3
    assert state(sessions, run_id) is RunState.PREVIEW


def test_a_table_on_which_a_process_died_is_taken_up_once_its_lease_has_ended(sessions, run_id):
    def begin():
        with transaction(sessions) as db:
            db.get_one(ImportRun, run_id).leased_until = NOW + LEASE
        return python("import os; os.kill(os.getpid(), 9)")()

    [process] = started(sessions, begin)
    after_it = state(sessions, run_id)
    work_on_long_imports(
        sessions, lambda: NOW + 2 * LEASE, lambda: True, python("raise SystemExit(1)")
    )

    assert (process.returncode, after_it) == (-9, RunState.CHECKING)
    assert state(sessions, run_id) is RunState.PREVIEW


@pytest.mark.parametrize("heeds", [True, False], ids=["at once", "never"])
def test_the_process_is_ended_with_the_clock(sessions, run_id, monkeypatch, heeds):
    monkeypatch.setattr("crm.jobs.import_process.STOPS_WITHIN_SECONDS", 0.1)
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    code = f"{'' if heeds else ignore}print(flush=True); import time; time.sleep(600)"
    looks = iter([True])

    def begin():
        process = Popen([sys.executable, "-c", code], stdin=DEVNULL, stdout=-1)
        process.stdout.readline()  # from now on it heeds what it heeds
        return process

    begun = clock.monotonic()
    [process] = started(sessions, begin, lambda: next(looks, False))
    process.stdout.close()

    assert process.returncode < 0
    assert clock.monotonic() - begun < 60
    assert state(sessions, run_id) is RunState.CHECKING
