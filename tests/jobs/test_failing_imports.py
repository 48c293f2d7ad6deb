"""An import that fails again and again is given up, and an import is given up by its person."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from crm.audit.queries import device_time
from crm.base.audit import come_late, coming_from
from crm.imports import service, undoing
from crm.imports.models import ImportRun
from crm.imports.rules import FIRST_WAIT, LEASE, MOST_ATTEMPTS, Failure, RunState
from crm.jobs.importing import Importer
from crm.people.models import Person
from crm.people.rules import Role
from crm.transactions import transaction
from crm.visits.models import Trip, Visit
from crm.visits.search_index import rebuild
from crm.visits.service import log_visit
from tests.factories import make_trip
from tests.jobs.test_hidden_imports import (
    A_PART,
    IN_FIRST_PARTS,
    LATER,
    ROWS,
    Before,
    goes_on,
    read,
    run_id,
    visit_of,
    waiting_table,
    work,
)
from tests.jobs.victim import kill_in

__all__ = ["run_id"]
STORED = (
    *("visit", "visit_company", "visit_participant", "visit_lead", "visit_gram"),
    *("visit_company_gram", "import_made", "import_later"),
)
REFUSING = {
    "sqlite": [
        "CREATE TRIGGER refusing BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END"
    ],
    "postgresql": [
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'no'; END $$""",
        "CREATE TRIGGER refusing BEFORE INSERT ON {table} EXECUTE FUNCTION refuse()",
    ],
}
ACCEPTING = {
    "sqlite": ["DROP TRIGGER refusing"],
    "postgresql": ["DROP TRIGGER refusing ON {table}", "DROP FUNCTION refuse"],
}


@contextmanager
def database_refusing(sessions, table):
    """The database takes no rows of the table."""

    def execute(statements):
        with sessions.begin() as db:
            for statement in statements[db.get_bind().dialect.name]:
                db.execute(text(statement.format(table=table)))

    execute(REFUSING)
    try:
        yield
    finally:
        execute(ACCEPTING)


@pytest.fixture(autouse=True)
def _no_pairs_of_other_tests(sessions):
    """Nothing is in the indexes of words, which tests leave as they are."""
    with sessions.begin() as db:
        rebuild(db)


@pytest.fixture
def half(sessions, run_id):
    """An import of which one part of three is stored."""
    work(sessions, steps=2)
    with transaction(sessions) as db:
        db.get_one(ImportRun, run_id).leased_until = None
    return run_id


def left(sessions):
    """How many rows are stored of it, seen or not."""
    with sessions() as db:
        return sum(db.scalar(text(f"SELECT count(*) FROM {table}")) for table in STORED)


def fail(sessions, times, table="visit"):
    """Let the clock try so many times, each an hour after the one before; when it ended."""
    at = LATER
    with database_refusing(sessions, table):
        for _ in range(times):
            at += timedelta(hours=1)
            work(sessions, at=at)
    return at + timedelta(hours=1)


def give_up(sessions, run_id):
    with transaction(sessions) as db:
        run = db.get_one(ImportRun, run_id)
        undoing.undo(db, run=run, by=db.get_one(Person, run.made_by_id), now=LATER)


def test_an_import_that_fails_is_tried_again_after_ever_longer_waits(sessions, half):
    fail(sessions, 2)

    failing = read(sessions, half)
    waits = failing.leased_until - (LATER + timedelta(hours=2))
    assert (failing.attempts, failing.failure, failing.position) == (2, Failure.FAULT, A_PART)
    assert waits == 2 * FIRST_WAIT


def test_an_import_that_fails_too_often_is_taken_out_of_the_way_of_others(sessions, half):
    other = waiting_table(sessions, read(sessions, half).made_by_id, ROWS - 1)

    work(sessions, at=fail(sessions, MOST_ATTEMPTS))

    given_up, done = read(sessions, half), read(sessions, other)
    assert (given_up.state, given_up.failure) == (RunState.PREVIEW, Failure.FAULT)
    assert (given_up.position, given_up.added, given_up.attempts) == (0, 0, 0)
    assert (done.state, done.added) == (RunState.DONE, ROWS - 1)


def test_what_was_given_up_may_be_confirmed_again(sessions, half):
    work(sessions, at=fail(sessions, MOST_ATTEMPTS))
    nothing = left(sessions)
    with transaction(sessions) as db:
        run = db.get_one(ImportRun, half)
        by = db.get_one(Person, run.made_by_id)
        service.apply(db, run=run, only_usable=True, by=by, now=LATER)
    work(sessions)

    done = read(sessions, half)
    assert nothing == 0
    assert (done.state, done.added, done.failure) == (RunState.DONE, ROWS, None)


def test_an_import_that_is_seen_is_tried_for_ever(sessions, run_id):
    work(sessions, steps=4)
    at = fail(sessions, MOST_ATTEMPTS + 2, "correction")
    failing = read(sessions, run_id)
    work(sessions, at=at)

    assert (failing.state, failing.attempts) == (RunState.IMPORTING, MOST_ATTEMPTS + 2)
    assert (read(sessions, run_id).state, read(sessions, run_id).failure) == (RunState.DONE, None)


def test_a_check_that_fails_too_often_goes_back_to_the_columns(sessions, run_id):
    with transaction(sessions) as db:
        run = db.get_one(ImportRun, run_id)
        run.state, content, run.content = RunState.CHECKING, run.content, b"T?"
    for number in range(MOST_ATTEMPTS + 1):
        work(sessions, at=LATER + number * timedelta(hours=1))

    given_up = read(sessions, run_id)
    assert content
    assert (given_up.state, given_up.failure) == (RunState.COLUMNS, Failure.FAULT)


@pytest.mark.slow
def test_an_import_whose_process_is_killed_too_often_is_given_up(sessions, database_url, run_id):
    for number in range(MOST_ATTEMPTS):
        kill_in(database_url, "import", 2, LATER + number * 2 * LEASE)

    work(sessions, at=LATER + timedelta(hours=1))

    given_up = read(sessions, run_id)
    assert (given_up.state, given_up.failure) == (RunState.PREVIEW, Failure.STOPPED)


def test_who_gives_an_import_up_leaves_nothing_of_it(sessions, half):
    other = waiting_table(sessions, read(sessions, half).made_by_id, ROWS - 1)
    stored = left(sessions)
    for _ in range(2):  # pressed twice
        give_up(sessions, half)
    with transaction(sessions) as db:  # and gone by the time the clock comes to it
        db.get_one(Person, read(sessions, half).made_by_id).role = Role.READER
    work(sessions, steps=3)

    gone = read(sessions, half)
    assert stored
    assert left(sessions) == 0
    assert (gone.state, gone.added) == (RunState.UNDONE, 0)
    assert read(sessions, other).state is RunState.IMPORTING
    with sessions() as db:
        assert not service.has_table(db, half)


def test_trips_that_it_began_go_with_it(sessions, half):
    table = Visit.__table__
    with transaction(sessions) as db:
        make_trip(db, "LH-1").entered_at = LATER
        make_trip(db, "LH-2")
        db.execute(update(table).values(trip="LH-1"))
        db.execute(update(table).where(table.c.first_on == IN_FIRST_PARTS).values(trip="LH-2"))

    give_up(sessions, half)
    work(sessions)

    with sessions() as db:
        assert db.scalars(select(Trip.ref)).all() == ["LH-2"]


def test_a_later_visit_with_the_id_of_one_that_is_gone_has_its_own_trail(sessions, half):
    """SQLite gives the highest ids anew."""
    give_up(sessions, half)
    work(sessions)
    with coming_from("test"), transaction(sessions) as db:
        shen = db.scalars(select(Person).filter_by(username="shen")).one()
        come_late(LATER - timedelta(minutes=5))
        visit = log_visit(db, data=visit_of(shen, ref="V-later"), by=shen, now=LATER)
        come_late(None)

    with sessions() as db:
        assert device_time(db, Visit, visit.id) == (LATER - timedelta(minutes=5), LATER)


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("commit", [2, 3, 4])
def test_a_removal_that_is_killed_goes_on(sessions, database_url, run_id, commit):
    work(sessions, steps=3)
    with transaction(sessions) as db:
        db.get_one(ImportRun, run_id).leased_until = None
    give_up(sessions, run_id)
    kill_in(database_url, "import", commit, LATER)
    goes_on(sessions, run_id)

    assert (read(sessions, run_id).state, left(sessions)) == (RunState.UNDONE, 0)


@pytest.mark.parametrize("part", [1, 2, 3])
def test_an_import_may_be_given_up_while_it_is_worked_on(sessions, run_id, part):
    with coming_from("clock"):
        meanwhile = Before(sessions, part, lambda: give_up(sessions, run_id))
        Importer(sessions, lambda: LATER, meanwhile).work()

    assert (read(sessions, run_id).state, left(sessions)) == (RunState.UNDONE, 0)


def test_an_import_that_is_seen_is_not_given_up(sessions, run_id):
    work(sessions, steps=4)

    give_up(sessions, run_id)
    goes_on(sessions, run_id)

    assert (read(sessions, run_id).state, read(sessions, run_id).added) == (RunState.DONE, ROWS)
