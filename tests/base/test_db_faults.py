"""What is wrong with a database is told by codes, and never with the values of a row."""

import sqlite3
import traceback

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError, ProgrammingError

from crm.base.db_faults import Fault, fault_of
from crm.jobs.models import JobPause
from crm.transactions import transaction
from tests.factories import LONG_AGO

SERVER_PROCESS = select(func.pg_backend_pid())
SECRET = "限知线索的名称"
AWAY = 'connection to server at "db", port 5432 failed: Connection refused'
NO_PASSWORD = 'connection failed: FATAL:  password authentication failed for user "crm"'
NO_DATABASE = 'connection failed: FATAL:  database "crm" does not exist'
STARTING = "connection failed: FATAL:  the database system is starting up"


def of_sqlite(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("words")
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("kind", "orig", "fault"),
    [
        (InternalError, psycopg.errors.ReadOnlySqlTransaction("x"), Fault.READ_ONLY),
        (OperationalError, of_sqlite("SQLITE_READONLY_DBMOVED"), Fault.READ_ONLY),
        (OperationalError, psycopg.errors.DiskFull("x"), Fault.FULL),
        (OperationalError, of_sqlite("SQLITE_IOERR_WRITE"), Fault.FULL),
        (OperationalError, psycopg.errors.LockNotAvailable("x"), Fault.BUSY),
        (OperationalError, of_sqlite("SQLITE_BUSY_SNAPSHOT"), Fault.BUSY),
        (ProgrammingError, psycopg.errors.UndefinedTable("x"), Fault.NO_TABLES),
        (OperationalError, sqlite3.OperationalError("no such column: x"), Fault.NO_TABLES),
        (OperationalError, psycopg.OperationalError(AWAY), Fault.AWAY),
        (OperationalError, psycopg.OperationalError(STARTING), Fault.AWAY),
        (OperationalError, psycopg.errors.AdminShutdown("x"), Fault.AWAY),
        (OperationalError, psycopg.OperationalError(NO_PASSWORD), Fault.REFUSED),
        (OperationalError, psycopg.OperationalError(NO_DATABASE), Fault.REFUSED),
        (ProgrammingError, psycopg.errors.SyntaxError("x"), Fault.BROKEN),
    ],
    ids=str,
)
def test_a_fault_is_recognised_by_its_error(kind, orig, fault):
    assert fault_of(kind("SELECT 1", {}, orig)) is fault


def test_no_error_holds_the_values_of_a_row(sessions):
    def write_twice():
        with transaction(sessions) as db:
            db.add_all(JobPause(job=SECRET, paused_at=LONG_AGO, why=SECRET) for _ in range(2))

    with pytest.raises(DBAPIError) as raised:
        write_twice()

    assert SECRET not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("kind_of_database", ["postgresql"], indirect=True)
def test_a_connection_that_cannot_write_any_more_is_not_used_again(sessions):
    sessions.kw["bind"].dispose()  # so that the pool has the demoted connection alone
    with sessions() as db:
        before = db.scalar(SERVER_PROCESS)
        db.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))  # as a demotion
        db.commit()

    with pytest.raises(InternalError), transaction(sessions) as db:
        db.add(JobPause(job="x", paused_at=LONG_AGO, why="x"))

    with transaction(sessions) as db:
        assert db.scalar(SERVER_PROCESS) != before
        db.add(JobPause(job="x", paused_at=LONG_AGO, why="x"))
