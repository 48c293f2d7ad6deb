"""Connections to PostgreSQL: how they are made, and when they are given up."""

from typing import Any

from sqlalchemy import Engine, ExceptionContext, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import InvalidatePoolError

LONGEST_PAUSE_SECONDS = 120  # after which a transaction of a stopped process is ended
# A server that vanishes is noticed within half a minute; TCP alone would wait a quarter of an hour.
LIFE_SIGNS = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
}
READ_ONLY_STATE = "25006"


def server_options(url: URL, lock_seconds: int) -> dict[str, Any]:
    """The options of the engine; a lock is waited for at most so long."""
    # A process that is stopped while it holds a lock blocks the others for a bounded time only.
    waits = f"-c lock_timeout={lock_seconds}s"
    pauses = f"-c idle_in_transaction_session_timeout={LONGEST_PAUSE_SECONDS}s"
    own: dict[str, Any] = {"connect_timeout": 5, "options": f"{waits} {pauses}", **LIFE_SIGNS}

    if threshold := url.query.get("prepare_threshold"):
        own["prepare_threshold"] = None if threshold == "none" else int(str(threshold))
    return {"url": url.difference_update_query(["prepare_threshold"]), "connect_args": own}


@event.listens_for(Engine, "checkout")
def _leave_a_server_that_ended(connection: Any, _record: Any, _proxy: Any) -> None:
    """Drop all connections where the server has closed this one, as at its restart.

    The socket tells: a ping of the pool would be one more round trip for every request.
    """
    if not hasattr(connection, "pgconn"):
        return
    from psycopg import OperationalError  # noqa: PLC0415 - a server on SQLite never loads it

    try:
        for _ in ("its last message", "the end"):
            connection.pgconn.consume_input()  # what has arrived; it does not wait
    except OperationalError:
        raise InvalidatePoolError from None


@event.listens_for(Engine, "handle_error")
def _leave_a_standby(context: ExceptionContext) -> None:
    """Drop all connections to a server that lost its role: new ones find the primary."""
    if getattr(context.original_exception, "sqlstate", None) == READ_ONLY_STATE:
        context.is_disconnect = True
