"""Sends the last statements of a PostgreSQL transaction together with its COMMIT.

What they lock is held for as long as the server takes. With a message for each it is also held
while the thread that sends them waits for its turn to compute, once for each.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from sqlalchemy import Connection, Dialect, Engine, Executable, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

from crm.base.logs import structlog
from crm.base.prepared import prepared_as
from crm.base.value_class import value_class

LAST = "last message, its transaction, and its question"
SEPARATOR = ";\n"
COMMIT = "COMMIT"
# The locks end before the disk, or the standby, has the commit. A second transaction waits for both
# by the installation's own setting, and so for the first one; many at once share their wait.
EARLY = "SELECT set_config('synchronous_commit', 'off', true)"
DURABLE = "SELECT pg_logical_emit_message(true, '', '')"
OUTCOME = "SELECT pg_xact_status(%s::xid8)"
Step: TypeAlias = tuple[Executable, Mapping[str, Any]]

log = structlog.get_logger()


@value_class
class Question:
    """A query that is run after the COMMIT, for which nobody waits, and who is given its rows."""

    statement: Executable
    values: Mapping[str, Any]
    answer: Callable[[list[tuple[Any, ...]]], None]


def commit_with(
    connection: Connection,
    *steps: Step,
    xid: str,
    prepared: Collection[str],
    then: Question | None = None,
) -> None:
    """Run these statements right before the COMMIT of that transaction, in one message with it.

    `prepared`: what `crm.base.prepared.PREPARED` says in it. The values stand in the message, which
    PostgreSQL may write to its log: nothing personal may be among them.
    """
    parts = [EARLY, *(_with_values(connection, *step, prepared) for step in steps), COMMIT]
    if then:
        parts.append(_with_values(connection, then.statement, then.values, prepared))
    message = SEPARATOR.join((*parts, DURABLE))
    connection.execution_options(**{LAST: (message, xid, then)})


def _with_values(
    connection: Connection,
    statement: Executable,
    values: Mapping[str, Any],
    prepared: Collection[str],
) -> str:
    from psycopg.sql import Literal  # noqa: PLC0415 - a server on SQLite never loads it

    state = _compiled(statement, connection.dialect).construct_expanded_state(dict(values))
    converted = {
        name: state.processors[name](value) if name in state.processors else value
        for name, value in state.parameters.items()
    }
    driver: Any = connection.connection.driver_connection
    literals = {name: Literal(value).as_string(driver) for name, value in converted.items()}

    if values and (name := prepared_as(connection, state.statement, [*literals], prepared)):
        return f"EXECUTE {name} ({', '.join(literals.values())})"
    return state.statement % literals


@lru_cache(maxsize=32)
def _compiled(statement: Any, dialect: Dialect) -> SQLCompiler:
    compiled: SQLCompiler = statement.compile(dialect=dialect)
    return compiled


@event.listens_for(Engine, "commit")
def _send(connection: Connection) -> None:
    message, xid, question = connection.get_execution_options().get(LAST, (None, None, None))
    if message is None:
        return

    try:
        # the driver then finds nothing that is left to commit
        result = connection.exec_driver_sql(message, execution_options={"no_parameters": True})
    except DBAPIError as error:
        error.statement = COMMIT  # an error's text goes to logs and screens
        if not _is_committed(connection, xid):
            raise
        # nobody is told to do again what is done
        log.warning("commit.not_waited_for", reason=str(error.orig).partition("\n")[0])
        return

    *_, answer, _durable = _all_rows(result.cursor)
    result.close()
    if question:
        question.answer(answer)


def _is_committed(connection: Connection, xid: str) -> bool:
    """Whether what failed of the message came after its COMMIT."""
    from psycopg.pq import TransactionStatus  # noqa: PLC0415 - see above

    if connection.invalidated:
        return False
    driver: Any = connection.connection.driver_connection
    if driver.info.transaction_status is not TransactionStatus.IDLE:
        return False
    return connection.exec_driver_sql(OUTCOME, (xid,)).scalar() == "committed"


def _all_rows(cursor: Any) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of each statement that has some."""
    while True:
        if cursor.description:
            yield cursor.fetchall()
        if not cursor.nextset():
            return
