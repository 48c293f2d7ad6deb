"""Short pauses of a process that writes for long, so that other writers get in."""

from dataclasses import dataclass, field
from time import sleep

from sqlalchemy.orm import Session, sessionmaker

from crm.base.clock import monotonic

AFTER_SECONDS = 0.5
PAUSE_SECONDS = 0.15  # longer than the 0.1 s after which a waiting process looks again


@dataclass
class WriteYield:
    """A pause every half second, between two transactions.

    A process that waits for SQLite's write lock polls it every 0.1 s and would miss the short gap
    between two transactions. PostgreSQL queues its waiters, so there is no pause there.
    """

    sessions: sessionmaker[Session]
    _since: float = field(default_factory=monotonic)

    def note_gap(self, ended: float | None) -> None:
        """Count the time since our last transaction ended, where it was as long as a pause."""
        if ended is not None and monotonic() - ended >= PAUSE_SECONDS:
            self._since = monotonic()

    def pause_if_due(self) -> None:
        if monotonic() - self._since < AFTER_SECONDS:
            return
        with self.sessions() as db:
            if db.get_bind().dialect.name == "sqlite":
                sleep(PAUSE_SECONDS)
        self._since = monotonic()
