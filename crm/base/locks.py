"""Locks that a transaction takes before it reads what it is going to change."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.base.db import Base

EXCLUSIVE_LOCK = 20_260_101  # any number that nothing else uses as an advisory lock


def take_exclusive_lock(session: Session) -> None:
    """Let one transaction at a time pass here; the lock lasts until the transaction ends.

    On SQLite there is nothing to do, as it has one writer at a time anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(EXCLUSIVE_LOCK)))


def lock_row(db: Session, table: type[Base], row_id: int) -> None:
    """Lock a row before it is read, so that a check of its values still holds on writing."""
    row: Any = table
    db.execute(select(row.id).where(row.id == row_id).with_for_update())
