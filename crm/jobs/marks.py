"""Marks on messages that are being sent: those of all connections share a transaction.

A commit waits for the disk, longer than many a server takes for a mail. Each connection still waits
for its own mark; whoever finds no commit under way commits the marks of all who wait by then.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from threading import Lock

from sqlalchemy import Update, bindparam, update
from sqlalchemy.orm import Session, sessionmaker

from crm.base.db import Base
from crm.base.outbox import Message, State
from crm.jobs import claims
from crm.jobs.claims import DATABASE_DOWN, WAITING
from crm.transactions import transaction

LONG_AGO = datetime.min.replace(tzinfo=UTC)
MARKABLE = (*WAITING, State.SENDING, State.HELD)
ROW = Base.metadata.tables[Message.__tablename__]


# Put together once: building a statement takes longer than running it.
OURS = ROW.c.claimed_by == bindparam("worker")
SENDING = (
    update(ROW)
    .where(ROW.c.id.in_(bindparam("ids", expanding=True)), OURS)
    .where(ROW.c.claimed_until > bindparam("now"), ROW.c.state.in_(WAITING))
    .values(state=State.SENDING, claimed_until=bindparam("until"))
    .returning(ROW.c.id)
)


@cache
def _outcome_with(names: tuple[str, ...]) -> Update:
    """The statement that stores an outcome with these values."""
    values = {name: bindparam(f"new_{name}", type_=ROW.c[name].type) for name in names}
    return (
        update(ROW)
        .where(ROW.c.id == bindparam("row_id"), OURS, ROW.c.state.in_(MARKABLE))
        .values(attempts=ROW.c.attempts + 1, claimed_by=None, claimed_until=None, **values)
    )


@dataclass(frozen=True)
class _Mark:
    message_id: int
    begins_at: datetime = LONG_AGO
    outcome: Mapping[str, object] | None = None  # None: the body is about to be sent
    is_ours: Future[bool] = field(default_factory=Future)


class Marks:
    """The marks of one worker's batch."""

    def __init__(self, sessions: sessionmaker[Session], worker: str) -> None:
        self._sessions = sessions
        self._worker = worker
        self._waiting: list[_Mark] = []
        self._guard, self._turn = Lock(), Lock()

    def sending(self, message_id: int, *, at: datetime) -> bool:
        """Commit the state `sending`; False where the claim has ended."""
        return self._commit(_Mark(message_id, begins_at=at))

    def outcome(self, message_id: int, **values: object) -> None:
        """Commit how it ended, unless another worker has taken the message."""
        self._commit(_Mark(message_id, outcome=values))

    def _commit(self, mark: _Mark) -> bool:
        with self._guard:
            self._waiting.append(mark)

        with self._turn:
            if not mark.is_ours.done():
                with self._guard:
                    marks, self._waiting = self._waiting, []
                self._write_all(marks)

        return mark.is_ours.result()

    def _write_all(self, marks: Sequence[_Mark]) -> None:
        try:
            self._write(marks)
        except Exception as error:  # noqa: BLE001 - raised where the mark was asked for
            if len(marks) == 1 or isinstance(error, DATABASE_DOWN):
                for mark in marks:
                    mark.is_ours.set_exception(error)
                return
            # Each alone: a row that cannot be written spoils no other.
            for mark in marks:
                self._write_all([mark])

    def _write(self, marks: Sequence[_Mark]) -> None:
        with transaction(self._sessions) as db:
            begun = [mark for mark in marks if mark.outcome is None]
            ours = self._mark_sending(db, begun) if begun else frozenset()
            for mark in marks:
                if mark.outcome is not None:
                    row = {"row_id": mark.message_id, "worker": self._worker}
                    new = {f"new_{name}": value for name, value in mark.outcome.items()}
                    db.execute(_outcome_with(tuple(mark.outcome)), row | new)

        for mark in marks:
            mark.is_ours.set_result(mark.outcome is not None or mark.message_id in ours)

    def _mark_sending(self, db: Session, marks: Iterable[_Mark]) -> frozenset[int]:
        """Mark those whose claim is still ours."""
        now = max(mark.begins_at for mark in marks)
        row = {
            "ids": [mark.message_id for mark in marks],
            "worker": self._worker,
            "now": now,
            "until": now + claims.CLAIM_LASTS,
        }
        return frozenset(db.scalars(SENDING, row))
