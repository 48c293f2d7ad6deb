"""Whether a session's transaction may have changed rows: what it reads is then its own alone."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

WRITTEN = "written"


def has_written(db: Session) -> bool:
    """Whether the transaction flushed rows or ran a statement that may change some."""
    return bool(db.new or db.dirty or db.deleted or db.info.get(WRITTEN))


@event.listens_for(Session, "after_flush")
def _note_flush(db: Session, _context: Any) -> None:
    db.info[WRITTEN] = True


@event.listens_for(Session, "do_orm_execute")
def _note_statement(state: ORMExecuteState) -> None:
    if not state.is_select:
        state.session.info[WRITTEN] = True


@event.listens_for(Session, "after_transaction_end")
def _forget(db: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        db.info.pop(WRITTEN, None)
