"""Connections to both databases."""

import pytest
from sqlalchemy import create_engine, func, select, text

from crm.base.db import CACHE_KIB, engine_options
from crm.people.models import Person
from tests.base.test_audit_commit import TIMES, on_postgresql
from tests.databases import sessions_of

PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE :like")


def test_a_connection_keeps_little_of_the_file_in_memory(tmp_path):
    file = tmp_path / "crm.sqlite3"
    file.touch()
    engine = create_engine(**engine_options(f"sqlite:///{file}"))

    with engine.connect() as connection:
        cache = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()

    engine.dispose()
    assert cache == -CACHE_KIB  # negative: in KiB, not in pages


@pytest.fixture
def one_connection(database_url):
    sessions = sessions_of(database_url)
    yield sessions
    sessions.kw["bind"].dispose()


@on_postgresql
def test_what_is_prepared_outlives_a_session_that_only_reads(one_connection):
    for _ in range(TIMES):
        with one_connection() as db:
            db.scalar(select(func.max(Person.username)))

    with one_connection() as db:
        assert db.scalar(PREPARED, {"like": "SELECT max(person.username)%"}) == 1


@on_postgresql
def test_what_is_prepared_outlives_a_connection_that_is_given_back_unended(one_connection):
    connection = one_connection.kw["bind"].raw_connection()
    for _ in range(TIMES):
        connection.cursor().execute("SELECT 1")
    connection.close()

    with one_connection() as db:
        assert db.scalar(PREPARED, {"like": "SELECT 1"}) == 1


@on_postgresql
def test_a_rollback_takes_back_what_was_written(sessions):
    with sessions() as db:
        db.execute(text("CREATE TABLE lost (id int)"))
        db.rollback()

        assert db.scalar(text("SELECT to_regclass('lost')")) is None
