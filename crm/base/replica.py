"""What a PostgreSQL replica has of the primary's changes: positions in the write-ahead log."""

from datetime import timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

# The leading clock commits every 30 seconds, so a replica that follows is never so far behind.
LONGEST_LAG = timedelta(seconds=60)

BEGINNING, NEVER_REACHED = "0/0", "FFFFFFFF/FFFFFFFF"

# As SELECT of the ORM, not as plain text, which a session takes for a write.
# Not what was written to the disk: without synchronous_commit a commit may not be there yet.
_POSITION = select(text("CAST(pg_current_wal_insert_lsn() AS text)"))
# By the last replayed commit: a replica that lost its primary still says that it has all it got.
_LAG = select(text("clock_timestamp() - pg_last_xact_replay_timestamp()")).where(
    text("pg_is_in_recovery()")
)
_IS_CURRENT = select(
    text(
        "pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= CAST(:position AS pg_lsn)"
        " AND pg_last_xact_replay_timestamp() > clock_timestamp() - CAST(:longest AS interval)"
    )
)


def position(primary: Session) -> str:
    """The position that a replica must reach to have every commit until now."""
    return str(primary.scalar(_POSITION))


def is_current(replica: Session, *, position: str = BEGINNING) -> bool:
    """Whether the replica follows its primary and has all commits up to that position."""
    values = {"position": position, "longest": LONGEST_LAG}
    return bool(replica.scalar(_IS_CURRENT, values))


def lag(replica: Session) -> timedelta | None:
    """The age of the last commit that the replica has; None where it follows no primary."""
    found: timedelta | None = replica.scalar(_LAG)
    return None if found is None else max(found, timedelta(0))
