"""Log visits beside a bare insert, on SQLite and PostgreSQL: `python -m bench.writes`.

Three things are measured on each: the rate against the floor's insert, how long writers hold the
lock for which all others wait, and what everybody gets while others read and the clock runs.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click
from sqlalchemy import create_engine, text

from bench import load, lock_times, zone
from bench.load import Request
from bench.lock_times import LockTime
from bench.pages import SECRET, WORKERS, Case, Writers, measure, prepare, visit_case
from bench.report import PROCESSOR, Result, processor_table, series, summary, table
from bench.servers import serving
from tests.postgres import Postgres

DATABASES = ("sqlite", "postgresql")
READERS = 4
DURABLE = ("jit=off", "max_connections=100")  # unlike in tests, each commit reaches the disk
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, and the URLs of the product's and the floor's database; empty: files in it."""

    folder: Path
    url: str = ""
    floor_url: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on one database."""

    database: str
    result: Result
    lock_times: list[LockTime]  # sorted
    statuses: list[tuple[str, Counter[int]]]

    def rates(self) -> tuple[object, ...]:
        return (self.database, *summary(self.result)[1:6])

    def locks(self) -> tuple[object, ...]:
        held = [time.held for time in self.lock_times]
        processor = median(time.processor for time in self.lock_times)
        numbers = (median(held), held[len(held) * 95 // 100], held[-1], processor)
        return (self.database, len(held), *(f"{number:.1f} ms" for number in numbers))

    def outcomes(self) -> Iterator[tuple[object, ...]]:
        for who, counts in self.statuses:
            others = {status: count for status, count in counts.items() if status < SERVER_ERROR}
            told = ", ".join(f"{count} × {status}" for status, count in sorted(others.items()))
            yield self.database, who, told, counts.total() - sum(others.values())


@contextmanager
def place_on(database: str) -> Iterator[Place]:
    """An empty place for both databases of that kind."""
    with TemporaryDirectory() as folder:
        if database == "sqlite":
            yield Place(Path(folder))
            return
        with Postgres(DURABLE) as server:
            engine = create_engine(f"{server.url}/postgres", isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                for name in ("product", "floor"):
                    connection.execute(text(f"CREATE DATABASE {name}"))
            engine.dispose()
            yield Place(Path(folder), f"{server.url}/product", f"{server.url}/floor")


@contextmanager
def product(place: Place, *options: str, module: str = "crm.cli") -> Iterator[int]:
    command = ("-m", module, "serve", "--workers", WORKERS, "--port", "PORT")
    settings = {"CRM_DATABASE_URL": place.url} if place.url else {}
    with serving(*command, *options, data=place.folder, secret=SECRET, **settings) as port:
        yield port


@contextmanager
def floor_server(place: Place) -> Iterator[int]:
    command = ("-m", "bench.floor", "PORT", WORKERS)
    settings = {"FLOOR_DATABASE_URL": place.floor_url} if place.floor_url else {}
    with serving(*command, data=place.folder, secret=SECRET, **settings) as port:
        yield port


def compare(
    place: Place, writers: Writers, *, passes: int, seconds: float
) -> tuple[Case, list[LockTime]]:
    """The rates of both, and then the lock times of the product, whose clocks cost some time."""
    with product(place, "--no-clock") as port, floor_server(place) as floor_port:
        case = visit_case(port, floor_port, writers)
        measure([case], passes=passes, seconds=seconds)
    with product(place, "--no-clock", module="bench.lock_times") as port:
        forms = case.product.requests  # of people who are signed in
        load.statuses(port, forms, 0)
        lock_times.times_in(place.folder)  # begins anew, without the first of each process
        load.statuses(port, forms, passes * seconds)
    return case, lock_times.times_in(place.folder)


def beside_readers(
    place: Place, writers: Writers, seconds: float
) -> list[tuple[str, Counter[int]]]:
    """The statuses that writers and readers get while the clock runs."""
    with product(place) as port:
        cookie = load.sign_in(port, zone.SUPERVISOR, zone.PASSWORD)
        paths = ("/leads", "/visits", "/", "/followups")
        readers = [repeat(Request(paths[n % len(paths)], cookie)) for n in range(READERS)]
        forms = writers.requests(port)
        load.statuses(port, forms, 0)  # one each, before which five people sign in
        counts = load.statuses(port, [*forms, *readers], seconds)
    sums = [sum(part, Counter()) for part in (counts[:-READERS], counts[-READERS:])]
    return [("log a visit", sums[0]), ("read pages", sums[1])]


def measure_on(
    database: str, *, scale: float, passes: int, seconds: float, connections: int
) -> Measured:
    with place_on(database) as place:
        apps = prepare(place.folder, scale, url=place.url, floor_url=place.floor_url)
        people, leads = zone.recruiters(scale), zone.free_leads(scale)
        # others later: who has a visit at these hours is asked about it
        first, later = (Writers(people[n::2], leads[n::2], connections) for n in range(2))
        case, times = compare(place, first, passes=passes, seconds=seconds)
        statuses = beside_readers(place, later, 4 * seconds)
        return Measured(database, case.result(*apps), times, statuses)


def report(found: Sequence[Measured], scale: float) -> str:
    return "\n\n".join(
        (
            f"{WORKERS} workers; {zone.size(scale)}.",
            table(
                ("log a visit on", "per second", "floor", "share of the floor", "goal", "queries"),
                (each.rates() for each in found),
            ),
            PROCESSOR,
            processor_table((each.database, *each.result.processor()[1:]) for each in found),
            "How long a transaction held the lock for which other changes wait:",
            table(
                ("database", "transactions", "median", "95 %", "longest", "processor"),
                (each.locks() for each in found),
            ),
            f"What writers and {READERS} readers got while the clock ran:",
            table(
                ("database", "who", "answers", "5xx"),
                (row for each in found for row in each.outcomes()),
            ),
            "Responses a second, pass by pass:",
            table(
                ("database", "product", "floor", "share in %"),
                ((each.database, *map(series, each.result.rates)) for each in found),
            ),
        )
    )


@click.command()
@click.option("--scale", default=1.0, show_default=True, help="Share of a zone's size.")
@click.option("--passes", default=5, show_default=True)
@click.option("--seconds", default=2.5, show_default=True, help="Of each measurement.")
@click.option("--connections", default=16, show_default=True)
@click.option("--database", "databases", multiple=True, type=click.Choice(DATABASES))
def main(
    *, scale: float, passes: int, seconds: float, connections: int, databases: tuple[str, ...]
) -> None:
    """Measure the logging of visits on both databases, or on the one that is named."""
    found = [
        measure_on(each, scale=scale, passes=passes, seconds=seconds, connections=connections)
        for each in databases or DATABASES
    ]
    click.echo(report(found, scale))


if __name__ == "__main__":
    main()
