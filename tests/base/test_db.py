"""Connections to both databases."""

from sqlalchemy import create_engine, func, select, text

from crm.base.db import CACHE_KIB, engine_options
from crm.people.models import Person
from tests.base.test_audit_commit import on_postgresql

TIMES = 6  # one more than psycopg sends a statement before it prepares it
PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE :like")


def test_a_connection_keeps_little_of_the_file_in_memory(tmp_path):
    file = tmp_path / "crm.sqlite3"
    file.touch()
    engine = create_engine(**engine_options(f"sqlite:///{file}"))

    with engine.connect() as connection:
        cache = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()

    engine.dispose()
    assert cache == -CACHE_KIB  # negative: in KiB, not in pages


@on_postgresql
def test_what_is_prepared_outlives_a_session_that_only_reads(sessions):
    for _ in range(TIMES):
        with sessions() as db:
            db.scalar(select(func.max(Person.username)))

    with sessions() as db:
        assert db.scalar(PREPARED, {"like": "SELECT max(person.username)%"}) == 1


@on_postgresql
def test_what_is_prepared_outlives_a_connection_that_is_given_back_unended(sessions):
    connection = sessions.kw["bind"].raw_connection()
    for _ in range(TIMES):
        connection.cursor().execute("SELECT 1")
    connection.close()

    with sessions() as db:
        assert db.scalar(PREPARED, {"like": "SELECT 1"}) == 1


@on_postgresql
def test_a_rollback_takes_back_what_was_written(sessions):
    with sessions() as db:
        db.execute(text("CREATE TABLE lost (id int)"))
        db.rollback()

        assert db.scalar(text("SELECT to_regclass('lost')")) is None
