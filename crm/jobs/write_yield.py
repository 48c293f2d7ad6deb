"""Turns for others while one process writes on and on."""

from dataclasses import dataclass, field
from time import sleep

from sqlalchemy.orm import Session, sessionmaker

from crm.base.clock import monotonic

AFTER_SECONDS = 1.0
LASTS_SECONDS = 0.15


@dataclass
class Turns:
    """A pause now and then, where others could not get in between two transactions.

    Who waits for SQLite's write lock looks for it every 0.1 s only, and never meets the moment
    between two transactions; PostgreSQL makes nobody wait like that.
    """

    sessions: sessionmaker[Session]
    _since: float = field(default_factory=monotonic)

    def give(self) -> None:
        """Let others in, unless that was a moment ago."""
        if monotonic() - self._since < AFTER_SECONDS:
            return
        with self.sessions() as db:
            if db.get_bind().dialect.name == "sqlite":
                sleep(LASTS_SECONDS)
        self._since = monotonic()
