"""Weekly digests of two sizes beside the writing of ready ones: `python -m bench.digests`.

The floor renders digests whose content is ready and inserts them by the driver: what remains when
facts, permissions, composing and batches cost nothing. Times are of the processor, as neither waits
for anything but the disk; the longest write lock is by the wall clock.
"""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from sqlite3 import Connection
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import click
from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session, sessionmaker

from bench import zones
from bench.report import series, table
from bench.servers import statements
from crm.app import create_app
from crm.base import clock
from crm.base.db import writing
from crm.base.mail import Rendered, Site
from crm.base.outbox import Message, message_id_of
from crm.base.periods import DAY, Period, PeriodKind
from crm.cli.init import install
from crm.digests.composing import compose
from crm.digests.content import Digest
from crm.digests.facts import gather
from crm.digests.permissions import visibilities
from crm.digests.queries import active_people
from crm.digests.service import DigestRun, digest_batches, render_digest
from crm.extensions import db as database
from crm.settings import Settings

SECRET = "only-for-the-bench-only-for-the-bench"  # noqa: S105 - of a database of its own
SIZES = (200, 20_000)
GOAL_MS = 3
FLOOR_SAMPLE = 400  # ready digests of which the floor's time is taken
SITE = Site(base_url="https://crm.test", mail_from="crm@crm.test")
INSERT = """
    INSERT INTO message (dedupe_key, kind, person_id, recipient, subject, body_text, body_html,
        message_id, made_at, due_at, state, attempts)
    VALUES (?, 'weekly-digest', 1, 'p@crm.test', ?, ?, ?, ?, ?, ?, 'pending', 0)
"""


@dataclass(frozen=True)
class Measured:
    """Milliseconds a digest by pass, and what one run sent and held."""

    people: int
    digests: int
    statements: int
    longest_lock: float  # seconds in which no other could write
    product: Sequence[float]
    floor: Sequence[float]

    @property
    def ratios(self) -> list[float]:
        """How many times the floor's time the product takes, by pass."""
        return [ours / least for ours, least in zip(self.product, self.floor, strict=True)]


@dataclass(frozen=True)
class Zones:
    """A filled database and the digests that are measured in it."""

    sessions: sessionmaker[Session]
    engine: Engine
    people: int
    run: DigestRun

    def measure(self, passes: int) -> Measured:
        """The product's run beside the floor, in turn."""
        gc.collect()
        gc.freeze()  # modules and templates, as the server does
        ready = self._ready_digests()
        product, floor, locks = [], [], []
        sent, made = 0, 0

        for _ in range(passes):
            with statements() as collected:
                began = process_time()
                made, longest = self._make()
                product.append(1000 * (process_time() - began) / made)
            self._delete()
            sent = len(collected)
            locks.append(longest)
            floor.append(1000 * self._write(ready) / len(ready))

        return Measured(self.people, made, sent, max(locks), product, floor)

    def _make(self) -> tuple[int, float]:
        """All digests as the clock makes them; how many, and the longest write transaction."""
        made, longest = 0, 0.0
        for batch in digest_batches(self.sessions, self.run):
            with writing(self.sessions) as db:
                began = perf_counter()
                made += batch.write(db).get("made", 0)
            longest = max(longest, perf_counter() - began)
        return made, longest

    def _delete(self) -> None:
        """Delete the messages, so that the next pass makes them anew; no part of the time."""
        with writing(self.sessions) as db:
            db.execute(delete(Message))

    def _ready_digests(self) -> list[Digest]:
        with self.sessions() as db:
            facts = gather(db, period=self.run.period, at=self.run.at)
            people = active_people(db, self.run.at)
            step = max(len(people) // FLOOR_SAMPLE, 1)
            seen = visibilities(db, people[::step], facts)
            return [compose(facts, seen_by, late=False) for seen_by in seen]

    def _write(self, ready: Sequence[Digest]) -> float:
        """Seconds to render and insert digests whose content is ready."""
        began = process_time()
        rows = [_row(n, render_digest(digest, SITE)) for n, digest in enumerate(ready)]
        with writing(self.sessions) as db:
            connection = db.connection().connection.driver_connection
            assert isinstance(connection, Connection)  # noqa: S101 - the bench has SQLite alone
            connection.executemany(INSERT, rows)
        seconds = process_time() - began
        self._delete()
        return seconds


def _row(number: int, mail: Rendered) -> tuple[object, ...]:
    key = f"floor:{number}"
    at = "2026-01-01 00:00:00.000000"
    return key, mail.subject, mail.text, mail.html, message_id_of(key), at, at


@contextmanager
def filled(folder: Path, *, people: int) -> Iterator[Zones]:
    """Zones with that many people in a database of their own, on the morning of a weekly digest."""
    now = clock.now()
    week = Period.holding(PeriodKind.WEEK, clock.civil_date(now))
    monday = clock.at_civil(week.first, time(7, 30))
    app = create_app(Settings(data=folder, secret_key=SECRET, base_url="https://crm.test"))

    with app.app_context():
        install(database.sessionmaker, clock_from=now - 400 * DAY)
        with writing(database.sessionmaker) as db:
            zones.fill(db, people=people, now=monday)
        run = DigestRun(period=week.before, at=monday, late=False, mail=True, site=SITE)
        yield Zones(database.sessionmaker, database.engine, people, run)
        database.engine.dispose()


def measured(sizes: Sequence[int], passes: int) -> Iterator[Measured]:
    """Each size, one after the other."""
    for people in sizes:
        with TemporaryDirectory() as folder, filled(Path(folder), people=people) as found:
            yield found.measure(passes)


def report(results: Sequence[Measured]) -> str:
    """The tables."""
    head = (
        *("people", "digests", "ms a digest", "floor, ms", "times the floor", "goal"),
        *("statements", "statements a digest", "longest write lock, ms"),
    )
    rows = [
        (
            f"{found.people:,}",
            f"{found.digests:,}",
            f"{median(found.product):.2f} ({min(found.product):.2f} to {max(found.product):.2f})",
            f"{median(found.floor):.2f}",
            f"{median(found.ratios):.2f} ({min(found.ratios):.2f} to {max(found.ratios):.2f})",
            f"at most {GOAL_MS} ms",
            found.statements,
            f"{found.statements / found.digests:.2f}",
            f"{1000 * found.longest_lock:.0f}",
        )
        for found in results
    ]
    raw = [(f"{found.people:,}", series(found.product), series(found.ratios)) for found in results]
    passes = table(("people", "ms a digest", "times the floor, pass by pass"), raw)
    return f"{table(head, rows)}\n\n{passes}"


@click.command()
@click.option("--scale", default=1.0, show_default=True, help="Share of the larger size.")
@click.option("--passes", default=5, show_default=True)
def main(scale: float, passes: int) -> None:
    """Measure, and print the tables."""
    sizes = (SIZES[0], max(round(SIZES[1] * scale), SIZES[0]))
    click.echo(report(list(measured(sizes, passes))))


if __name__ == "__main__":
    main()
