"""Locks of transactions: SQLite's write lock at the first write, rows, and one at a time.

A transaction of `read_first` holds up nobody until it writes. What it read before may have changed
by then: on PostgreSQL that is so anyway, and `crm.requests.transaction` checks it on SQLite.
"""

from typing import Any

from sqlalchemy import Connection, Engine, event, func, select
from sqlalchemy.orm import Session

from crm.base.db import WRITE, Base

READ_FIRST = "READ FIRST"
EXCLUSIVE_LOCK = 20_260_101  # any number that nothing else uses as an advisory lock


def read_first(session: Session) -> None:
    """Begin a transaction that takes SQLite's write lock at its first write or locking read."""
    session.connection(execution_options={"begin": READ_FIRST})


def is_reading(session: Session) -> bool:
    """Whether the transaction began with `read_first` and has taken no write lock of SQLite."""
    return _is_reading(session.connection())


def _is_reading(connection: Connection) -> bool:
    begun = connection.get_execution_options().get("begin")
    return connection.dialect.name == "sqlite" and begun == READ_FIRST


@event.listens_for(Engine, "before_execute")
def _lock_at_first_write(connection: Connection, statement: Any, *_: Any) -> None:
    is_locking = getattr(statement, "_for_update_arg", None) is not None
    if is_locking or not statement.is_select:
        _take_write_lock(connection)


@event.listens_for(Engine, "savepoint")
def _lock_before_savepoint(connection: Connection, _name: str) -> None:
    _take_write_lock(connection)


def _take_write_lock(connection: Connection) -> None:
    if _is_reading(connection):
        connection.execution_options(begin=WRITE)
        # begun anew: a transaction that has read may not write once somebody else has written
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql(f"BEGIN {WRITE}")


def take_exclusive_lock(session: Session) -> None:
    """Let one transaction at a time pass here; the lock lasts until the transaction ends.

    On SQLite it is the write lock.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(EXCLUSIVE_LOCK)))
    else:
        _take_write_lock(session.connection())


def hold(db: Session, row: Base) -> None:
    """Lock a row that was read before, and read it anew; an error where it is gone by now."""
    db.refresh(row, [*row.__table__.columns.keys()], with_for_update=True)


def lock_row(db: Session, table: type[Base], row_id: int) -> None:
    """Lock a row before it is read, so that a check of its values still holds on writing."""
    row: Any = table
    db.execute(select(row.id).where(row.id == row_id).with_for_update())
