"""Entries are linked in the order of commits, on PostgreSQL by the message that commits them."""

import signal

import pytest
from sqlalchemy import event, func, literal, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from crm.base.audit import coming_from, record
from crm.base.audit_chain import HELD, hold_position
from crm.base.audit_entries import AuditEntry
from crm.base.audit_trail import first_break
from crm.base.one_message import COMMIT, Question, commit_with
from crm.people.models import Person
from crm.transactions import transaction
from tests.base.chain_writer import ENTRIES, fork_victim, fork_writer
from tests.conftest import NOW
from tests.counting import statements_on
from tests.databases import migrate, sessions_of
from tests.factories import make_person
from tests.postgres import Postgres

TIMES = 6  # one more than the driver sends a statement before it prepares it
ODD = (
    "李娜",
    'O\'Brien \\ "quoted"',
    "50 % of %(text)s, %s",
    "a;\nCOMMIT; DROP TABLE person; --",
    "𠮷野家 🏭 \u200b\u2028",
    "tab\tbell\x07 del\x7f",
    "长" * 20_000,
)
on_postgresql = pytest.mark.parametrize("kind_of_database", ["postgresql"], indirect=True)


def add(sessions, name="li", **values):
    with coming_from("127.0.0.1"), transaction(sessions) as db:
        person = make_person(db, name, duty=None)
        record(db, "person.added", person, by=None, at=NOW, after={"name": name} | values)


def found(sessions):
    with sessions() as db:
        return first_break(db)


@pytest.mark.parametrize("odd", ODD)
def test_the_database_hashes_every_text_as_the_check_does(sessions, odd):
    add(sessions, "first", text=odd)
    add(sessions, "second", **{"text": "", odd[:20]: odd})

    assert found(sessions) is None


@on_postgresql
def test_the_lock_is_taken_linked_and_ended_by_one_message(sessions):
    with statements_on(sessions.kw["bind"]) as statements:
        add(sessions)

    *others, last = statements
    assert not any("audit_head" in statement for statement in others)
    assert last.index("INSERT INTO audit_head") < last.index("EXECUTE") < last.index(COMMIT)
    assert "person.added" not in last


@on_postgresql
def test_the_check_is_planned_once_where_what_is_prepared_lasts(sessions):
    add(sessions, "first")
    with statements_on(sessions.kw["bind"]) as statements:
        add(sessions, "second")

    assert not any("PREPARE" in statement for statement in statements)
    assert "EXECUTE" in statements[-1]


@on_postgresql
@pytest.mark.parametrize("drop", ["ROLLBACK TO SAVEPOINT kept", "DROP TABLE IF EXISTS unneeded"])
@pytest.mark.parametrize("times", [1, TIMES])
def test_a_change_commits_though_the_driver_drops_what_is_prepared(sessions, drop, times):
    for number in range(times):
        add(sessions, f"first{number}")

    with coming_from("127.0.0.1"), transaction(sessions) as db:
        db.execute(text("SAVEPOINT kept"))
        db.execute(text(drop))
        record(db, "person.added", make_person(db, "second", duty=None), by=None, at=NOW)
    add(sessions, "third")

    assert found(sessions) is None


@on_postgresql
def test_behind_a_pooler_nothing_is_prepared(database_url, sessions):
    pooled = sessions_of(f"{database_url}?prepare_threshold=none")
    with statements_on(pooled.kw["bind"]) as statements:
        add(pooled)

    assert not any("PREPARE" in statement for statement in statements)
    assert "INTO audit_link" in statements[-1]
    assert found(sessions) is None
    pooled.kw["bind"].dispose()


@on_postgresql
def test_only_this_commit_goes_without_waiting_for_the_disk(sessions):
    with sessions() as db:
        record(db, "person.added", make_person(db), by=None, at=NOW)
        before = db.scalar(text("SHOW synchronous_commit"))
        db.commit()

        assert db.scalar(text("SHOW synchronous_commit")) == before


def test_whoever_writes_at_once_leaves_one_chain(sessions, database_url):
    writers = [fork_writer(database_url) for _ in range(2)]
    for writer in writers:
        writer.join(timeout=120)

    assert [writer.exitcode for writer in writers] == [0, 0]
    assert found(sessions) is None
    with sessions() as db:
        assert db.scalar(select(func.count()).select_from(AuditEntry)) == 2 * ENTRIES


def test_a_process_that_is_killed_with_the_lock_holds_nobody_up(sessions, database_url):
    add(sessions, "first")

    victim = fork_victim(database_url)
    victim.join(timeout=60)
    add(sessions, "second")

    assert victim.exitcode == -signal.SIGKILL
    assert found(sessions) is None


@on_postgresql
def test_a_commit_that_waits_too_long_is_undone_and_tells_nothing_of_its_values(sessions):
    with sessions() as holder, sessions() as db:
        hold_position(holder)
        db.execute(text("SET LOCAL lock_timeout = '10ms'"))
        record(db, "person.added", make_person(db, "li"), by=None, at=NOW)

        with pytest.raises(OperationalError) as caught:
            db.commit()
        db.rollback()

        assert db.scalars(select(Person)).all() == []
    assert "lock timeout" in str(caught.value)
    assert "audit_link" not in str(caught.value)
    assert found(sessions) is None


@on_postgresql
def test_a_connection_that_is_lost_before_the_commit_changes_nothing(sessions):
    with sessions() as other, sessions() as db:
        record(db, "person.added", make_person(db, "li"), by=None, at=NOW)
        backend = db.scalar(text("SELECT pg_backend_pid()"))

        @event.listens_for(db, "before_commit")
        def lose(_db):
            other.scalar(text(f"SELECT pg_terminate_backend({backend}, 5000)"))

        with pytest.raises(OperationalError) as caught:
            db.commit()
        db.rollback()

    assert caught.value.connection_invalidated
    add(sessions)
    assert found(sessions) is None


@on_postgresql
def test_what_fails_after_the_commit_is_not_told_as_a_change_that_failed(sessions):
    answers = []
    question = Question(select(literal(1) / literal(0)), {}, answers.append)
    with sessions() as db:
        make_person(db, "li", duty=None)
        xid = db.scalar(text("SELECT pg_current_xact_id()::text"))
        commit_with(db.connection(), xid=xid, prepared=(), then=question)
        db.commit()

        assert db.scalars(select(Person.username)).all() == ["li"]
    assert answers == []


@on_postgresql
def test_a_constraint_that_fails_at_the_commit_undoes_all(sessions):
    with sessions() as db:
        db.execute(text("CREATE TEMP TABLE once (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
        record(db, "person.added", make_person(db, "li"), by=None, at=NOW)
        db.execute(text("INSERT INTO once VALUES (1), (1)"))

        with pytest.raises(IntegrityError):
            db.commit()
        db.rollback()

        assert db.scalars(select(Person)).all() == []
    add(sessions)
    assert found(sessions) is None


@on_postgresql
def test_who_holds_the_end_already_links_as_one_goes(sessions):
    with transaction(sessions) as db:
        hold_position(db)
        record(db, "person.added", make_person(db), by=None, at=NOW)
        assert HELD in db.info

    assert found(sessions) is None


def test_what_was_committed_survives_the_death_of_the_server():
    # what is not waited for is written after that time
    with Postgres(("wal_writer_delay=10s", "jit=off")) as server:
        server.ask("CREATE DATABASE zone")
        url = f"{server.url}/zone"
        migrate(url)
        sessions = sessions_of(url)
        add(sessions)

        server.die()
        sessions.kw["bind"].dispose()
        server.start()

        with sessions() as db:
            assert db.scalars(select(Person.username)).all() == ["li"]
        sessions.kw["bind"].dispose()
