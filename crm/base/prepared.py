"""What PostgreSQL has prepared on a connection, so that it plans a statement once."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from hashlib import blake2s
from typing import Any

from sqlalchemy import Connection, Engine, column, event, func, select, table
from sqlalchemy.pool import Pool, PoolResetState

PREFIX = "crm_"
MOST_PREPARED = 50  # of a connection: forms name different numbers of people and leads
# asked each time, as the driver drops everything now and then, for one at a rollback to a savepoint
PREPARED = func.array(
    select(column("name"))
    .select_from(table("pg_prepared_statements"))
    .where(column("name").startswith(PREFIX))
    .scalar_subquery()
)


def prepared_as(
    connection: Connection, statement: str, values: Sequence[str], prepared: Collection[str]
) -> str:
    """What a statement with these named values is called on the connection.

    Empty where it is not prepared: behind a pooler nothing lasts, and a connection keeps so many.
    `prepared`: what `PREPARED` says in this transaction.
    """
    name = _name_of(statement)
    if name in prepared:
        return name
    driver: Any = connection.connection.driver_connection
    if driver.prepare_threshold is None or len(prepared) >= MOST_PREPARED:
        return ""

    numbered = statement % {value: f"${number}" for number, value in enumerate(values, 1)}
    how = {"no_parameters": True}
    connection.exec_driver_sql(f"PREPARE {name} AS {numbered}", execution_options=how)
    return name


@lru_cache(maxsize=128)
def _name_of(statement: str) -> str:
    return f"{PREFIX}{blake2s(statement.encode(), digest_size=8).hexdigest()}"


@event.listens_for(Engine, "rollback")
def _roll_back_server(connection: Connection) -> None:
    if connection.dialect.name == "postgresql" and not connection.invalidated:
        _keep_prepared(connection.connection.driver_connection)


@event.listens_for(Pool, "reset")
def _reset_server(connection: Any, _record: Any, state: PoolResetState) -> None:
    if not state.transaction_was_reset and hasattr(connection, "pgconn"):
        _keep_prepared(connection)


def _keep_prepared(driver: Any) -> None:
    """Roll back by libpq alone: at a rollback of its own psycopg forgets all it has prepared.

    That is the end of every request that only reads. Where this fails, psycopg finds out, and why.
    """
    from psycopg.pq import TransactionStatus  # noqa: PLC0415 - a server on SQLite never loads it

    if driver.pgconn.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        driver.pgconn.exec_(b"ROLLBACK")
