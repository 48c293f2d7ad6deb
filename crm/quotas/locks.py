"""Locks so that a freeze never overlaps with an edit or with a change of a rule.

REGIME 4: the past stays as it was judged.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

# Any number that nothing else locks by.
CLOSING = 20_260_806


def hold_edits(db: Session) -> None:
    """Wait for the edits that are being committed; later ones wait for this transaction's end."""
    if db.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        db.execute(select(func.pg_advisory_xact_lock(CLOSING)))


def hold_freezes(db: Session) -> None:
    """Wait for a freeze under way; the next waits for us. Edits do not wait for each other."""
    if db.get_bind().dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock_shared(CLOSING)))
