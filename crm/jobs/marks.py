"""Marks on messages that are being sent: those of all connections share a transaction.

A commit waits for the disk, longer than many a server takes for a mail. So a connection stores how
its last message ended together with the state `sending` of the next, and whoever finds no commit
under way commits the marks of all who wait by then.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from threading import Lock

import structlog
from sqlalchemy import Connection, Update, bindparam, update
from sqlalchemy.orm import Session, sessionmaker

from crm.base.db import Base, writing_rows
from crm.base.outbox import Message, State
from crm.jobs import claims
from crm.jobs.claims import DATABASE_DOWN, WAITING

LONG_AGO = datetime.min.replace(tzinfo=UTC)
MARKABLE = (*WAITING, State.SENDING, State.HELD)
ROW = Base.metadata.tables[Message.__tablename__]

log = structlog.get_logger()

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
class Outcome:
    """How the delivery of a message ended: its new values."""

    message_id: int
    values: Mapping[str, object]


@dataclass(frozen=True)
class _Marks:
    """What one connection wants to be committed."""

    outcomes: Sequence[Outcome]
    begun_id: int | None = None  # the message whose delivery begins
    begins_at: datetime = LONG_AGO
    is_ours: Future[bool] = field(default_factory=Future)


class Marks:
    """The marks of one worker's batch."""

    def __init__(self, sessions: sessionmaker[Session], worker: str) -> None:
        self._sessions = sessions
        self._worker = worker
        self._waiting: list[_Marks] = []
        self._guard, self._turn = Lock(), Lock()

    def sending(self, message_id: int, *, at: datetime, outcomes: Sequence[Outcome] = ()) -> bool:
        """Commit the state `sending`, and these outcomes; False where the claim has ended."""
        return self._commit(_Marks(outcomes, message_id, at))

    def ended(self, outcomes: Sequence[Outcome]) -> None:
        """Commit how they ended, but for messages that another worker has taken."""
        self._commit(_Marks(outcomes))

    def _commit(self, marks: _Marks) -> bool:
        with self._guard:
            self._waiting.append(marks)

        with self._turn:
            if not marks.is_ours.done():
                with self._guard:
                    waiting, self._waiting = self._waiting, []
                self._write_all(waiting)

        return marks.is_ours.result()

    def _write_all(self, waiting: Sequence[_Marks]) -> None:
        try:
            self._write(waiting)
        except DATABASE_DOWN as error:
            for marks in waiting:
                marks.is_ours.set_exception(error)
        except Exception:  # noqa: BLE001 - found again where each is written alone
            for marks in waiting:
                self._write_alone(marks)

    def _write_alone(self, marks: _Marks) -> None:
        """Write each row by itself: one that cannot be written spoils no other."""
        try:
            for outcome in marks.outcomes:
                self._store_or_give_up(outcome)
            self._write([replace(marks, outcomes=())])
        except Exception as error:  # noqa: BLE001 - raised where the marks were asked for
            marks.is_ours.set_exception(error)

    def _store_or_give_up(self, outcome: Outcome) -> None:
        try:
            self._write([_Marks([outcome])])
        except DATABASE_DOWN:
            raise
        except Exception as error:
            log.exception("message.unmanageable", id=outcome.message_id)
            claims.give_up(self._sessions, outcome.message_id, error, worker=self._worker)

    def _write(self, waiting: Sequence[_Marks]) -> None:
        begun = [marks for marks in waiting if marks.begun_id is not None]

        with writing_rows(self._sessions) as connection:
            self._store([outcome for marks in waiting for outcome in marks.outcomes], connection)
            ours = self._mark_sending(begun, connection) if begun else frozenset()

        for marks in waiting:
            marks.is_ours.set_result(marks.begun_id is None or marks.begun_id in ours)

    def _store(self, outcomes: Sequence[Outcome], connection: Connection) -> None:
        rows = defaultdict[tuple[str, ...], list[dict[str, object]]](list)
        for outcome in outcomes:
            new = {f"new_{name}": value for name, value in outcome.values.items()}
            row = {"row_id": outcome.message_id, "worker": self._worker}
            rows[tuple(outcome.values)].append(row | new)

        for names, of_names in rows.items():
            connection.execute(_outcome_with(names), of_names)

    def _mark_sending(self, begun: Sequence[_Marks], connection: Connection) -> frozenset[int]:
        """Mark those whose claim is still ours."""
        now = max(marks.begins_at for marks in begun)
        row = {
            "ids": [marks.begun_id for marks in begun],
            "worker": self._worker,
            "now": now,
            "until": now + claims.CLAIM_LASTS,
        }
        return frozenset(connection.scalars(SENDING, row))
