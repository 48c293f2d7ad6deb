"""Values that services collect on the session, to take effect before the transaction commits.

`crm.transactions.transaction` applies them. A commit of a session that still holds some raises, so
that no change goes without its effects, whoever commits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

PENDING = "pending"
Value = TypeVar("Value")


class UnappliedError(RuntimeError):
    """A commit without the effects of what was changed: use `crm.transactions.transaction`."""


def collect(db: Session, *values: object) -> None:
    """Keep the values until the transaction's end."""
    db.info.setdefault(PENDING, []).extend(values)


def take(db: Session, kind: type[Value]) -> list[Value]:
    """The values of that kind, in the order in which they were collected; they are applied now."""
    found: list[Value] = []
    left: list[object] = []
    for value in db.info.get(PENDING, ()):
        (found if isinstance(value, kind) else left).append(value)
    db.info[PENDING] = left
    return found


@contextmanager
def savepoint(db: Session) -> Iterator[None]:
    """A part of the transaction that may be rolled back alone, with what services collect in it."""
    collected = list(db.info.get(PENDING, ()))
    try:
        with db.begin_nested():
            yield
    except BaseException:
        db.info[PENDING] = collected
        raise


@contextmanager
def taken_back(db: Session) -> Iterator[None]:
    """A part of the transaction for a look at what it would do: it is rolled back alone."""
    collected = list(db.info.get(PENDING, ()))
    nested = db.begin_nested()
    try:
        yield
    finally:
        nested.rollback()
        db.info[PENDING] = collected


@event.listens_for(Session, "before_commit")
def _refuse_unapplied(db: Session) -> None:
    if db.info.get(PENDING) and not db.in_nested_transaction():
        raise UnappliedError(db.info[PENDING])


@event.listens_for(Session, "after_transaction_end")
def _forget(db: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        db.info.pop(PENDING, None)
