"""How many rows a short transaction takes: as many as others hardly wait for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.orm import Session, sessionmaker

from crm.base.clock import monotonic
from crm.transactions import transaction

SECONDS = 0.2  # of one transaction, also on a machine that does much else
FEWEST, MOST = 10, 500


@dataclass(slots=True)
class PartSize:
    """The rows of the next transaction, by what the last one took."""

    rows: int
    ended: float | None = None  # when the last transaction did, by the monotonic clock

    @contextmanager
    def transaction(self, sessions: sessionmaker[Session]) -> Iterator[Session]:
        """A transaction of so many rows; how long it holds the lock decides about the next one."""
        with transaction(sessions) as db:
            begun = monotonic()  # SQLite's lock was waited for before
            yield db
        self.ended = monotonic()
        self.adapt(self.ended - begun)

    def adapt(self, seconds: float) -> None:
        """The last transaction took so long; the next one takes at most twice as many rows."""
        factor = min(SECONDS / max(seconds, SECONDS / 4), 2.0)
        self.rows = min(max(int(self.rows * factor), FEWEST), MOST)
