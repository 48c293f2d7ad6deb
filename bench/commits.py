"""How many changes a second one audit chain takes: `python -m bench.commits`.

A change holds the end of the chain from its first link until its commit has reached the disk and,
with a synchronous standby, the other machine. Beside it the same rows without an entry, which wait
for nobody. PostgreSQL runs for the measurement alone, with durable commits.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from statistics import median

import click
from sqlalchemy.orm import Session, sessionmaker

from bench import lock_times
from bench.report import hide_logs, table
from crm.app import create_app
from crm.base import clock
from crm.base.audit_entries import AuditEntry
from crm.cli.init import install
from crm.extensions import db as database
from crm.jobs.models import JobPause
from crm.settings import Settings
from crm.transactions import transaction
from tests.postgres import Postgres, Standby

SECRET = "only-for-the-bench-only-for-the-bench"  # noqa: S105 - of a database of its own
DURABLE = ("synchronous_commit=on", "jit=off", "max_connections=200")
WRITERS = (1, 8)
_numbers = count(1)


@dataclass
class Measured:
    """Transactions a second by pass, and milliseconds for which the chain was held."""

    standby: str
    writers: int
    plain: list[float] = field(default_factory=list)
    audited: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)

    def row(self) -> tuple[object, ...]:
        shares = [100 * ours / free for ours, free in zip(self.audited, self.plain, strict=True)]
        return (
            *(self.standby, self.writers, f"{median(self.plain):.0f}"),
            f"{median(self.audited):.0f}",
            f"{median(shares):.0f} % ({min(shares):.0f} to {max(shares):.0f})",
            f"{median(self.held):.1f}",
        )


@dataclass(frozen=True)
class Changes:
    """Changes to one installation, of one row each."""

    sessions: sessionmaker[Session]
    now: datetime

    def plain(self) -> None:
        with transaction(self.sessions) as db:
            self._add_row(db)

    def audited(self) -> None:
        with transaction(self.sessions) as db:
            number = self._add_row(db)
            db.add(AuditEntry(at=self.now, action="job.paused", subject="job", subject_id=number))

    def _add_row(self, db: Session) -> int:
        number = next(_numbers)
        db.add(JobPause(job=f"job {number}", paused_at=self.now, why="to be measured"))
        return number


def rate(change: Callable[[], None], writers: int, seconds: float) -> float:
    """Changes a second of so many threads."""
    until = clock.monotonic() + seconds

    def repeat(_: int) -> int:
        done = 0
        while clock.monotonic() < until:
            change()
            done += 1
        return done

    with ThreadPoolExecutor(writers) as threads:
        began = clock.monotonic()
        return sum(threads.map(repeat, range(writers))) / (clock.monotonic() - began)


def measure(
    url: str, standby: str, passes: int, seconds: float, held: list[float]
) -> Iterator[Measured]:
    app = create_app(Settings(database_url=url, secret_key=SECRET))
    with app.app_context():
        now = clock.now()
        changes = Changes(database.sessionmaker, now)
        for writers in WRITERS:
            measured = Measured(standby, writers)
            sides = [(changes.plain, measured.plain), (changes.audited, measured.audited)]
            for number in range(passes + 1):
                for change, rates in sides if number % 2 else reversed(sides):
                    rates.append(rate(change, writers, seconds))
            del measured.plain[0], measured.audited[0]  # the first pass warms up
            measured.held = held.copy()
            held.clear()
            yield measured
        database.engine.dispose()


@click.command()
@click.option("--passes", default=5, show_default=True)
@click.option("--seconds", default=2.0, show_default=True, help="Of each measurement.")
def main(passes: int, seconds: float) -> None:
    """Measure changes with and without an entry in turn, without and with a standby."""
    hide_logs()
    results: list[Measured] = []
    held: list[float] = []  # milliseconds, of the changes of a measurement
    lock_times.listen(lambda took: held.append(took.held))

    with Postgres(DURABLE) as primary:
        with installed(primary) as url:
            results += measure(url, "none", passes, seconds, held)
        with Standby(primary.url, DURABLE):
            primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
            primary.ask("SELECT pg_reload_conf()")
            results += measure(url, "synchronous", passes, seconds, held)
            primary.ask("ALTER SYSTEM RESET synchronous_standby_names")
            primary.ask("SELECT pg_reload_conf()")

    head = ("standby", "writers", "rows/s", "changes/s", "share", "chain held, ms")
    click.echo(table(head, [result.row() for result in results]))


@contextmanager
def installed(server: Postgres) -> Iterator[str]:
    """The URL of an installation without anybody in it."""
    server.ask("CREATE DATABASE crm")
    url = f"{server.url}/crm"
    with create_app(Settings(database_url=url, secret_key=SECRET)).app_context():
        install(database.sessionmaker, clock_from=clock.now())
        database.engine.dispose()
    yield url


if __name__ == "__main__":
    main()
