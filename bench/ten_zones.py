"""Ten zones in one installation beside one zone alone: `python -m bench.ten_zones`.

Every zone has the same people, leads and visits as the first, in units, accounts and references of
its own. A person of the first zone sees the same pages in both installations. PostgreSQL runs for
the measurement alone, as for the tests.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time
from itertools import repeat
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import quote

import click
from flask import Flask
from sqlalchemy import Column, Connection, Table, UniqueConstraint, create_engine, text

from bench import load, zone
from bench.load import Request
from bench.report import hide_logs, table
from bench.servers import serving
from crm.app import create_app
from crm.base import clock
from crm.base.db import Base, writing
from crm.base.mail import Site
from crm.base.periods import DAY
from crm.cli.init import install
from crm.extensions import db as database
from crm.jobs.runner import Runner
from crm.leads import search_index
from crm.settings import Settings
from tests.postgres import server

SECRET = "only-for-the-bench-only-for-the-bench"  # noqa: S105 - of a database of its own
ZONES = 10
CONNECTIONS, WORKERS = 8, "2"
OK = 200
OFFSET = 10_000_000  # between the ids of two zones
# Parents before children.
CLONED = (
    *("unit", "person", "posting", "absence", "company", "lead", "lead_amount", "milestone"),
    *("lead_role", "followup", "visit", "visit_participant", "visit_lead"),
)
KEPT_BY_DATABASE = {"lead": {"amount", "currency"}}  # it copies them from `lead_amount`
PAGES = (
    ("lead list", "/leads", zone.RECRUITER),
    ("visit list", "/visits", zone.RECRUITER),
    ("recruiter's my day", "/", zone.RECRUITER),
    ("lead search", f"/leads?q={quote(zone.lead_title(1)[:2])}", zone.RECRUITER),
    ("compliance board", "/compliance", zone.SUPERVISOR),
)


@dataclass
class Measured:
    """Rates, or seconds, of each pass: of one zone alone, and of it among ten."""

    title: str
    alone: list[float] = field(default_factory=list)
    among: list[float] = field(default_factory=list)

    def row(self) -> tuple[object, ...]:
        ratios = [ten / one for one, ten in zip(self.alone, self.among, strict=True)]
        spread = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        return self.title, f"{median(self.alone):.1f}", f"{median(self.among):.1f}", spread


def multiply(connection: Connection, zones: int) -> None:
    """Copy the only zone until there are that many."""
    for number in range(1, zones):
        for name in CLONED:
            _clone(connection, Base.metadata.tables[name], number)


def _clone(connection: Connection, of: Table, number: int) -> None:
    kept = KEPT_BY_DATABASE.get(of.name, set())
    columns = [one for one in of.columns if one.computed is None and one.name not in kept]
    values = ", ".join(_value(column, number) for column in columns)
    names = ", ".join(column.name for column in columns)
    first = next(iter(of.primary_key)).name
    rows = f"SELECT {values} FROM {of.name} WHERE {first} < {OFFSET}"  # noqa: S608 - our own names
    connection.execute(text(f"INSERT INTO {of.name} ({names}) {rows}"))


def _value(column: Column[object], number: int) -> str:
    """The SQL of a copy's value: another id, another unique text, else the same."""
    is_id = column.primary_key and column.name == "id"
    targets = {key.column.table.name for key in column.foreign_keys}
    if is_id or targets & set(CLONED):
        return f"{column.name} + {number * OFFSET}"
    alone = [
        rule
        for rule in column.table.constraints
        if isinstance(rule, UniqueConstraint) and list(rule.columns) == [column]
    ]
    return f"'z{number}-' || {column.name}" if alone else column.name


@dataclass(frozen=True)
class Installation:
    """One or ten zones in a database of the server."""

    server_url: str
    name: str

    @property
    def url(self) -> str:
        return f"{self.server_url}/{self.name}"

    def administer(self, statement: str) -> None:
        engine = create_engine(f"{self.server_url}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def fill(self, scale: float, zones: int, now: datetime) -> None:
        self.administer(f"CREATE DATABASE {self.name}")
        with app_of(self.url):
            install(database.sessionmaker, clock_from=now)
            with writing(database.sessionmaker) as db:
                zone.fill(db, scale=scale, now=now)
                multiply(db.connection(), zones)
                search_index.rebuild(db)
            with database.engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.execute(text("VACUUM ANALYZE"))

    def seconds_of_a_round(self, until: datetime) -> float:
        """Seconds of the clock for what is due until then, in a copy of the database."""
        copy = Installation(self.server_url, f"{self.name}_copy")
        self.administer(f"CREATE DATABASE {copy.name} TEMPLATE {self.name}")
        with app_of(copy.url):
            runner = Runner(database.sessionmaker, Site("https://crm.test", "crm@crm.test"))
            began = clock.monotonic()
            summaries = runner.run_until(until, to_mailbox=True)
            seconds = clock.monotonic() - began
        if any(summary.is_incomplete for summary in summaries.values()):
            raise SystemExit("a job of the round failed")
        self.administer(f"DROP DATABASE {copy.name}")
        return seconds


@contextmanager
def app_of(url: str) -> Iterator[Flask]:
    app = create_app(Settings(database_url=url, secret_key=SECRET))
    with app.app_context():
        yield app
        database.engine.dispose()


def measure_pages(ports: Sequence[int], passes: int, seconds: float) -> Iterator[Measured]:
    for title, path, username in PAGES:
        measured = Measured(title)
        clients = [
            [repeat(Request(path, load.sign_in(port, username, zone.PASSWORD)))] * CONNECTIONS
            for port in ports
        ]
        sides = list(zip(ports, clients, (measured.alone, measured.among), strict=True))
        for port, requests, _ in sides:
            load.rate(port, requests, 1, OK)
        for number in range(passes):
            for port, requests, rates in sides if number % 2 else reversed(sides):
                rates.append(load.rate(port, requests, seconds, OK))
        yield measured


def measure_rounds(installations: Sequence[Installation], passes: int, until: datetime) -> Measured:
    measured = Measured("clock, seconds of a Monday")
    sides = list(zip(installations, (measured.alone, measured.among), strict=True))
    for number in range(passes):
        for installation, seconds in sides if number % 2 else reversed(sides):
            seconds.append(installation.seconds_of_a_round(until))
    return measured


def next_monday(now: datetime) -> datetime:
    """When the digests of a week have been made."""
    today = clock.civil_date(now)
    return clock.at_civil(today + (7 - today.weekday()) * DAY, time(8))


@click.command()
@click.option("--scale", default=0.5, show_default=True, help="Share of a zone's size, of each.")
@click.option("--zones", default=ZONES, show_default=True)
@click.option("--passes", default=5, show_default=True)
@click.option("--seconds", default=2.0, show_default=True, help="Of each measurement.")
def main(scale: float, zones: int, passes: int, seconds: float) -> None:
    """Measure one zone alone and among others in turn, and print the tables."""
    hide_logs()
    now = clock.now()
    with TemporaryDirectory() as folder, server() as url:
        one, ten = Installation(url, "one"), Installation(url, "ten")
        one.fill(scale, 1, now)
        ten.fill(scale, zones, now)
        with serve(one, folder) as alone, serve(ten, folder) as among:
            pages = list(measure_pages((alone, among), passes, seconds))
        rounds = measure_rounds((one, ten), passes, next_monday(now))
    click.echo(f"One zone: {zone.size(scale)}; beside it {zones - 1} more.\n")
    click.echo(
        table(("what", "alone", f"among {zones}", "ratio"), [m.row() for m in (*pages, rounds)])
    )


def serve(installation: Installation, folder: str) -> AbstractContextManager[int]:
    command = ("-m", "crm.cli", "serve", "--no-clock", "--port", "PORT", "--workers", WORKERS)
    return serving(*command, data=Path(folder), secret=SECRET, CRM_DATABASE_URL=installation.url)


if __name__ == "__main__":
    main()
