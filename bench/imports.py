"""Measure imports of visits against bare reading and inserting: `python -m bench.imports`.

The product imports files of visits into a zone with people and leads; the floor reads the same
files with `csv` and inserts the texts with SQLAlchemy Core into one bare table. A second process
writes all the time, and its longest wait is reported.
"""

import csv
import multiprocessing
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click
from sqlalchemy import Column, MetaData, String, Table, create_engine, delete, insert, select
from sqlalchemy.orm import sessionmaker

from bench import zone
from bench.report import series, table
from bench.visit_files import write_visits
from crm.app import create_app
from crm.base import clock
from crm.base.db import engine_options, writing
from crm.base.sheets import MOST_ROWS
from crm.cli import no_garbage_collection
from crm.cli.init import install
from crm.extensions import db as database
from crm.jobs.file_import import FileImport
from crm.leads.models import Lead
from crm.settings import Settings
from crm.visits.imports import check_visits
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.search_index import rebuild

SECRET = "signs the cookies of the bench and nothing else"  # noqa: S105 - as it says
VISITS = 100_000
ROWS = 5_000  # in one execution of the floor
BETWEEN_WRITES = 0.01  # seconds
NAME = "crm.sqlite3"


@dataclass(slots=True)
class Side:
    """Rows a second of each pass, and the longest wait of a writer beside it."""

    title: str
    goal: str
    run: Callable[[Path, Sequence[Path]], None]
    rates: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def measure(self, prepared: Path, files: Sequence[Path], rows: int) -> None:
        """One import into a copy of the prepared database."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / NAME
            shutil.copy(prepared, path)
            with writer_beside(path) as waits:
                begun = clock.monotonic()
                self.run(path, files)
                self.rates.append(rows / (clock.monotonic() - begun))
        self.waits.append(max(waits))


def prepare(folder: Path, *, scale: float, count: int) -> list[Path]:
    """A database with people and leads but no visits, and the files to import."""
    now = clock.now()
    app = create_app(Settings(data=folder, database_url="", secret_key=SECRET))
    with app.app_context():
        install(database.sessionmaker, clock_from=now)
        with writing(database.sessionmaker) as db:
            zone.fill(db, scale=scale, now=now)
            for model in (VisitLead, VisitParticipant, Visit):
                db.execute(delete(model))
            rebuild(db)
            refs = list(db.scalars(select(Lead.ref)))
        database.engine.dispose()

    files = []
    for first in range(1, count + 1, MOST_ROWS):
        files.append(folder / f"visits-{first}.csv")
        rows = min(MOST_ROWS, count + 1 - first)
        write_visits(files[-1], rows, first=first, scale=scale, lead_refs=refs)
    return files


def import_by_product(path: Path, files: Sequence[Path]) -> None:
    """What `crm import visits` does with each file."""
    sessions = sessions_of(path)
    for file in files:
        with no_garbage_collection():
            _import(sessions, file.read_bytes(), clock.now())


def _import(sessions: sessionmaker, content: bytes, now: datetime) -> None:
    with sessions() as db:
        checked = check_visits(db, content=content, now=now)
    FileImport(sessions, checked, clock.now).keep("visits.csv")


def import_bare(path: Path, files: Sequence[Path]) -> None:
    """The floor: the texts of the files as they are."""
    sessions = sessions_of(path)
    with files[0].open(encoding="utf-8", newline="") as stream:
        head = next(csv.reader(stream))
    bare = Table("bare", MetaData(), *(Column(name, String) for name in head))
    bare.create(sessions.kw["bind"])
    for file in files:
        with writing(sessions) as db, file.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            while rows := list(islice(reader, ROWS)):
                db.execute(insert(bare), rows)


def sessions_of(path: Path) -> sessionmaker:
    """Sessions of that database, set up as the product's."""
    return sessionmaker(create_engine(**engine_options(f"sqlite:///{path}")))


@contextmanager
def writer_beside(path: Path) -> Iterator[list[float]]:
    """A process that writes all the time; at the end the list holds the longest of its waits."""
    context = multiprocessing.get_context("spawn")
    stop, ours = context.Event(), context.Queue()
    process = context.Process(target=write_until, args=(path, stop, ours))
    process.start()
    ours.get()  # it has begun

    waits: list[float] = []
    try:
        yield waits
    finally:
        stop.set()
        waits.append(ours.get())
        process.join()


def write_until(path: Path, stop: Event, answers: "multiprocessing.Queue[float]") -> None:
    """Change one row again and again, and answer with the longest that a change took."""
    connection = sqlite3.connect(path, timeout=600, isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    longest = 0.0
    answers.put(longest)

    while not stop.is_set():
        begun = clock.monotonic()
        connection.execute("UPDATE rule SET name = name WHERE id = 1")
        longest = max(longest, clock.monotonic() - begun)
        time.sleep(BETWEEN_WRITES)

    answers.put(longest)


def measure(sides: Sequence[Side], prepared: Path, files: Sequence[Path], rows: int) -> None:
    """Measure each side once."""
    for side in sides:
        side.measure(prepared, files, rows)


def compare(  # noqa: PLR0913 - two sides on one file, so many times
    product: Side, floor: Side, prepared: Path, files: Sequence[Path], *, rows: int, passes: int
) -> None:
    """Measure both sides in turn."""
    for number in range(passes):
        sides = (product, floor) if number % 2 else (floor, product)
        measure(sides, prepared, files, rows)


def report(product: Side, floor: Side) -> str:
    """The rates, and the share of the floor's rate in the same pass."""
    shares = [100 * ours / bare for ours, bare in zip(product.rates, floor.rates, strict=True)]
    rows = [
        (
            *(side.title, f"{median(side.rates):,.0f}", f"{median(side.waits):.2f}", side.goal),
            series(side.rates),
            series(side.waits),
        )
        for side in (product, floor)
    ]
    head = ("what", "rows a second", "longest wait, s", "goal", "rates", "waits")
    share = f"{median(shares):.1f} % ({min(shares):.1f} to {max(shares):.1f})"
    return f"{table(head, rows)}\n\nShare of the floor: {share}.\n"


@click.command()
@click.option("--scale", default=1.0, show_default=True, help="Share of a zone and of the visits.")
@click.option("--passes", default=5, show_default=True)
def main(*, scale: float, passes: int) -> None:
    """Import in turn with the product and the floor; print the results."""
    count = max(round(VISITS * scale), 1)
    product = Side("import of visits", "50 %, 1 s", import_by_product)
    floor = Side("bare reading and inserting", "", import_bare)

    with TemporaryDirectory() as folder:
        files = prepare(Path(folder), scale=scale, count=count)
        compare(product, floor, Path(folder) / NAME, files, rows=count, passes=passes)

    click.echo(f"{count:,} visits in {len(files)} files; {zone.size(scale)}, but no visits.\n")
    click.echo(report(product, floor))


if __name__ == "__main__":
    main()
