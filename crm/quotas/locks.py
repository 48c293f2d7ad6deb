"""That a freeze and an edit, or a change of a rule, never overlap: one is whole before the other.

REGIME 4: the past stays as it was judged.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

# Any number that nothing else in the database locks by.
CLOSING = 20_260_806


def hold_edits(db: Session) -> None:
    """Wait for every edit that is being committed, and hold up the next until we are done."""
    if db.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        db.execute(select(func.pg_advisory_xact_lock(CLOSING)))


def hold_freezes(db: Session) -> None:
    """Wait for a freeze that is under way, and hold up the next; edits do not wait for another."""
    if db.get_bind().dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock_shared(CLOSING)))
