"""Marks on messages that are being sent: those of all connections share a transaction.

A commit waits for the disk, longer than many a server takes for a mail. So a connection stores how
its last message ended together with the state `sending` of the next, and whoever finds no commit
under way commits the marks of all who wait by then.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Update, bindparam, or_, update
from sqlalchemy.orm import Session, sessionmaker

from crm.base.clock import monotonic
from crm.base.db import Base, writing_rows
from crm.base.logs import structlog
from crm.base.outbox import Message, State
from crm.jobs import claims
from crm.jobs.claims import DATABASE_DOWN, WAITING

MOST_PATIENCE = 0.01  # seconds that a connection waits for the marks of others
MARKABLE = (*WAITING, State.SENDING, State.HELD)
ROW = Base.metadata.tables[Message.__tablename__]

log = structlog.get_logger()

# Put together once: building a statement takes longer than running it.
OURS = ROW.c.claimed_by == bindparam("worker")
# no IN: its list is made anew for each run, so that many rows would need as many statements
IS_MARKABLE = or_(*(ROW.c.state == state for state in MARKABLE))
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
        .where(ROW.c.id == bindparam("row_id"), OURS, IS_MARKABLE)
        .values(attempts=ROW.c.attempts + 1, claimed_by=None, claimed_until=None, **values)
    )


@dataclass(frozen=True)
class Outcome:
    """How the delivery of a message ended: its new values."""

    message_id: int
    values: Mapping[str, object]


@dataclass(eq=False)
class _Marks:
    """What one connection wants to be committed."""

    outcomes: Sequence[Outcome]
    begun_ids: Collection[int] = ()  # of messages whose delivery begins
    begins_at: datetime = claims.LONG_AGO
    is_ours: bool | None = None  # set once it is committed
    error: Exception | None = None  # or why it is not


class Marks:
    """The marks of one worker's batch.

    `pause` waits for so many seconds at most for the marks of other connections.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        worker: str,
        pause: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._sessions = sessions
        self._worker = worker
        self._pause = pause
        self._waiting: list[_Marks] = []
        self._patience = 0.0  # seconds

    def sending(self, *ids: int, at: datetime, outcomes: Sequence[Outcome] = ()) -> bool:
        """Commit the state `sending`, and these outcomes; False where a claim has ended."""
        return self._commit(_Marks(outcomes, ids, at))

    def ended(self, outcomes: Sequence[Outcome]) -> None:
        """Commit how they ended, but for messages that another worker has taken."""
        self._commit(_Marks(outcomes))

    def _commit(self, marks: _Marks) -> bool:
        self._waiting.append(marks)
        self._pause(self._patience)

        if marks in self._waiting:
            waiting, self._waiting = self._waiting, []
            began = monotonic()
            self._write_all(waiting)
            # as long as another one would take
            self._patience = min(2 * (monotonic() - began), MOST_PATIENCE)

        if marks.error:
            raise marks.error
        return bool(marks.is_ours)

    def _write_all(self, waiting: Sequence[_Marks]) -> None:
        try:
            self._write(waiting)
        except DATABASE_DOWN as error:
            for marks in waiting:
                marks.error = error
        except Exception:
            log.exception("marks.not_shared")
            for marks in waiting:
                self._write_alone(marks)

    def _write_alone(self, marks: _Marks) -> None:
        """Write each row by itself: one that cannot be written spoils no other."""
        try:
            for outcome in marks.outcomes:
                self._store_or_give_up(outcome)
            marks.outcomes = ()
            self._write([marks])
        except Exception as error:  # noqa: BLE001 - raised where the marks were asked for
            marks.error = error

    def _store_or_give_up(self, outcome: Outcome) -> None:
        try:
            self._write([_Marks([outcome])])
        except DATABASE_DOWN:
            raise
        except Exception as error:
            log.exception("message.unmanageable", id=outcome.message_id)
            claims.give_up(self._sessions, outcome.message_id, error, worker=self._worker)

    def _write(self, waiting: Sequence[_Marks]) -> None:
        begun = [marks for marks in waiting if marks.begun_ids]

        with writing_rows(self._sessions) as connection:
            self._store([outcome for marks in waiting for outcome in marks.outcomes], connection)
            ours = self._mark_sending(begun, connection) if begun else frozenset()

        for marks in waiting:
            marks.is_ours = ours.issuperset(marks.begun_ids)

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
            "ids": [message_id for marks in begun for message_id in marks.begun_ids],
            "worker": self._worker,
            "now": now,
            "until": now + claims.CLAIM_LASTS,
        }
        return frozenset(connection.scalars(SENDING, row))
