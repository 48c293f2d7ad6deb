"""What a forked process is made to do or suffer, arranged in it before it begins."""

import io
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from crm.base import clock
from crm.base import db as base_db
from crm.cli import deliver
from crm.jobs import (
    backoff,
    batch_delivery,
    claims,
    clock_check,
    lease,
    ledger,
    runner,
    smtp,
    smtp_session,
)
from crm.jobs import clock as nodes


class Arrangement(Protocol):
    """Something arranged."""

    def arrange(self) -> None:
        """Arrange it in this process."""


Arranged = Sequence[Arrangement]


@dataclass(frozen=True)
class Clocks:
    """The clocks of a process, of its machine and of its database: all of them so far off.

    `machine` names a file with the seconds by which this machine's clock is off beside, read
    whenever it is asked; SQLite has no other clock. `hand` names one with the moment at which the
    timetable is, for a life of many days within seconds.
    """

    offset: timedelta
    machine: Path | None = None
    hand: Path | None = None

    def arrange(self) -> None:
        """Set them."""
        real, real_of_database = clock.now, base_db.database_now

        def now() -> datetime:
            return real() + self.offset + self._wrong()

        def database_now(db, ahead=timedelta(0)):
            own = db.get_bind().dialect.name == "sqlite"
            return real_of_database(
                db, ahead + self.offset + (self._wrong() if own else timedelta(0))
            )

        clock.now = now
        lease.database_now = clock_check.database_now = database_now
        nodes.Node.__init__.__kwdefaults__["now"] = self._turned if self.hand else now

    def _wrong(self) -> timedelta:
        return timedelta(seconds=float(self.machine.read_text()) if self.machine else 0)

    def _turned(self) -> datetime:
        return datetime.fromisoformat(self.hand.read_text())


@dataclass(frozen=True)
class Haste:
    """All waits cut down to what a test can wait for."""

    busy_seconds: float = 20
    answer_seconds: float = 1.5

    def arrange(self) -> None:
        """Cut them down."""
        base_db.BUSY_SECONDS = self.busy_seconds
        nodes.WATCHDOG_SECONDS = 0.1
        deliver.PAUSE_SECONDS = 0.05
        lease.LASTS = timedelta(seconds=1)
        ledger.FIRST_WAIT = backoff.LONGEST_WAIT = timedelta(seconds=0.2)
        smtp.LIMITS = smtp_session.Limits(
            connect=self.answer_seconds,
            answer=self.answer_seconds,
            last_answer=self.answer_seconds,
        )
        claims.CLAIM_LASTS = timedelta(seconds=self.answer_seconds + 0.5)  # longer than an answer
        claims.AMBIGUOUS_WAIT = timedelta(seconds=0.5)
        batch_delivery.FIRST_WAIT = timedelta(seconds=0.05)
        backoff.LONGEST_WAIT = timedelta(seconds=0.2)


@dataclass(frozen=True)
class Pause:
    """A shorter pause of `crm deliver` between two rounds."""

    seconds: float

    def arrange(self) -> None:
        """Shorten it."""
        deliver.PAUSE_SECONDS = self.seconds


@dataclass(frozen=True)
class Typed:
    """What the process reads from its standard input."""

    text: str

    def arrange(self) -> None:
        """Put it there."""
        sys.stdin = io.TextIOWrapper(io.BytesIO(self.text.encode()), encoding="utf-8")


class OfUse:
    """What a node makes is of use for ever, briefs too: many days go by within seconds."""

    def arrange(self) -> None:
        """Treat it as what a run through the past makes."""
        _, *others = runner.Attempt.__init__.__defaults__
        runner.Attempt.__init__.__defaults__ = (runner.send_without_expiry, *others)


@dataclass(frozen=True)
class NoRoom:
    """No file may grow beyond so many bytes; who started the process can lift it again."""

    size: int

    def arrange(self) -> None:
        """Set the limit, of which SQLite hears as of a disk that takes no more."""
        allowed = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, allowed))


def off_from(moment: datetime) -> timedelta:
    """How far the real clock is from that moment, now."""
    return moment - datetime.now(UTC)  # noqa: TID251 - a test that sets real clocks asks them
