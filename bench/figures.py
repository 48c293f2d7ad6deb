"""Everybody's figures of a month beside a hand-written fold: `python -m bench.figures`.

The fold reads the month's rows by the driver and keeps sets of dates as bit masks. It asks for the
least that the product's figures rest on, and gives numbers without names, units or status.
"""

import gc
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

import click
from sqlalchemy.orm import Session, sessionmaker

from bench import province
from bench.report import series, table
from crm.app import create_app
from crm.base import clock
from crm.base.db import writing
from crm.base.periods import DAY, Period, PeriodKind
from crm.base.remembered import forget
from crm.base.workdays import WorkingCalendar
from crm.cli.init import install
from crm.extensions import db as database
from crm.quotas.queries import figures, working_calendar
from crm.settings import Settings

SECRET = "only-for-the-bench-only-for-the-bench"  # noqa: S105 - of a database of its own
YEARS = (3, 15)  # two million visits, and ten
CODE, MINIMUM, TO_LOG = "recruiter-monthly", 20, 3
COUNTED = ("residency", "outreach")
VISITS = """
    SELECT id, leader_id, first_on, last_on, kind, channel, status, logged_at, verdict
    FROM visit WHERE first_on BETWEEN ? AND ? AND last_on >= ?
"""
COMPANIONS = """
    SELECT p.visit_id, p.person_id FROM visit_participant p JOIN visit v ON v.id = p.visit_id
    WHERE v.first_on BETWEEN ? AND ? AND v.last_on >= ?
"""
POSTINGS = """
    SELECT person_id, from_on, to_on FROM posting
    WHERE is_primary AND duty = 'recruiter' AND from_on <= ? AND (to_on IS NULL OR to_on >= ?)
"""
ABSENCES = """
    SELECT person_id, from_on, to_on FROM absence
    WHERE status = 'approved' AND from_on <= ? AND to_on >= ?
"""

Numbers = dict[int, tuple[int, int]]  # by person, what is required and what is achieved


@dataclass(frozen=True)
class Passes:
    """The seconds of each pass, of the product and of its counterpart."""

    title: str
    product: Sequence[float]
    floor: Sequence[float]

    @property
    def ratios(self) -> list[float]:
        """How many times the counterpart's time the product takes, by pass."""
        return [ours / least for ours, least in zip(self.product, self.floor, strict=True)]


def fold(connection: Connection, period: Period, calendar: WorkingCalendar) -> Numbers:
    """What each recruiter owes and has achieved in the month."""
    first, last = period.first.isoformat(), period.last.isoformat()
    dates = {on.isoformat(): n for n, on in enumerate(period.dates)}
    workdays = sum(1 << dates[str(on)] for on in calendar.workdays(period.first, period.last))
    span = ((period.first - 91 * DAY).isoformat(), last, first)
    until = {on: (date.fromisoformat(on) + (TO_LOG + 1) * DAY).isoformat() for on in dates}

    def bits(begin: str, end: str | None) -> int:
        low = dates.get(begin, 0) if begin > first else 0
        high = dates[end] if end is not None and end < last else len(dates) - 1
        return (1 << high + 1) - (1 << low)

    done: dict[int, int] = {}
    resident: defaultdict[int, int] = defaultdict(int)
    for id_, leader, begin, end, kind, channel, status, logged_at, verdict in connection.execute(
        VISITS, span
    ).fetchall():
        if kind not in COUNTED or channel != "in_person" or status != "done":
            continue
        # stored in UTC, eight hours behind: no visit of the bench is logged so late in the day
        if verdict == "confirmed" or logged_at < until.get(end, "9999"):
            done[id_] = covered = bits(begin, end)
            resident[leader] |= covered
    for id_, person_id in connection.execute(COMPANIONS, span).fetchall():
        if id_ in done:
            resident[person_id] |= done[id_]

    absent: defaultdict[int, int] = defaultdict(int)
    for person_id, begin, end in connection.execute(ABSENCES, (last, first)).fetchall():
        absent[person_id] |= bits(begin, end)

    whole, found = workdays.bit_count(), {}
    for person_id, begin, end in connection.execute(POSTINGS, (last, first)).fetchall():
        present = bits(begin, end) & ~absent[person_id]
        owed = -(-MINIMUM * (present & workdays).bit_count() // whole)
        achieved = (resident[person_id] & present).bit_count()
        found[person_id] = min(owed, present.bit_count()), achieved
    return found


def by_product(db: Session, period: Period, now: datetime) -> Numbers:
    """The same of the product's figures."""
    return {
        judged.person_id: (judged.figure.required, judged.figure.achieved)
        for judged in figures(db, period=period, as_of=now)
        if judged.figure.rule.code == CODE
    }


@dataclass(frozen=True)
class Province:
    """A filled database and the month that is measured in it."""

    sessions: sessionmaker[Session]
    period: Period
    now: datetime

    def measure(self, passes: int) -> tuple[Passes, Passes]:
        """The figures beside the fold, and the remembered ones beside those just judged."""
        product, floor, remembered = [], [], []
        # as the server does before it forks: else the collector looks at all modules' objects
        gc.collect()
        gc.freeze()
        for number in range(passes + 1):
            with self.sessions() as db:
                connection = db.connection().connection.driver_connection
                assert isinstance(connection, Connection)  # noqa: S101 - the floor has SQLite alone
                calendar = working_calendar(db)
                ask = partial(figures, db, period=self.period, as_of=self.now)
                forget()
                times = [
                    _seconds(ask),
                    _seconds(partial(fold, connection, self.period, calendar)),
                    _seconds(ask),
                ]
            if number:  # the first pass warms up
                for seconds, kept in zip(times, (product, floor, remembered), strict=True):
                    kept.append(seconds)

        return Passes("judged", product, floor), Passes("remembered", remembered, product)


def _seconds(step: Callable[[], object]) -> float:
    # of the processor: SQLite works in this process, and the machine does other things, too
    began = process_time()
    step()
    return process_time() - began


@contextmanager
def filled(folder: Path, *, scale: float, years: int) -> Iterator[Province]:
    """A province of that size in a database of its own."""
    now = clock.now()
    app = create_app(Settings(data=folder, secret_key=SECRET, base_url="https://crm.test"))
    with app.app_context():
        install(database.sessionmaker, clock_from=now)
        with writing(database.sessionmaker) as db:
            province.fill(db, scale=scale, years=years, today=clock.civil_date(now))
        # the last one whose stays are all over and logged, also on the first days of the next
        settled = clock.civil_date(now) - province.LONGEST_STAY * DAY
        month = Period.holding(PeriodKind.MONTH, settled).before
        yield Province(database.sessionmaker, month, now)
        database.engine.dispose()


def measured(scale: float, passes: int) -> Iterator[tuple[str, Passes]]:
    """Both sizes, one after the other."""
    for years in YEARS:
        with (
            TemporaryDirectory() as folder,
            filled(Path(folder), scale=scale, years=years) as zone,
        ):
            count = province.visit_count(scale, years)
            size = f"{province.people_count(scale):,} people, {count:,} visits over {years} years"
            for passes_of_size in zone.measure(passes):
                yield size, passes_of_size


def report(results: Sequence[tuple[str, Passes]]) -> str:
    """The tables."""
    judged = [(size, passes) for size, passes in results if passes.title == "judged"]
    goal = {"judged": "at most 8 times", "remembered": "-"}
    growth = median(judged[1][1].product) / median(judged[0][1].product)
    head = ("figures of a month", "size", "ms", "counterpart, ms", "times", "goal")
    rows = [
        (
            passes.title,
            size,
            f"{1000 * median(passes.product):.1f}",
            f"{1000 * median(passes.floor):.1f}",
            f"{median(passes.ratios):.3f} ({min(passes.ratios):.3f} to {max(passes.ratios):.3f})",
            goal[passes.title],
        )
        for size, passes in results
    ]
    raw = [(passes.title, size, series(passes.ratios)) for size, passes in results]
    return "\n\n".join(
        (
            table(head, rows),
            f"The larger history takes {growth:.2f} times the smaller (goal: at most 1.3).",
            table(("figures of a month", "size", "times, pass by pass"), raw),
        )
    )


@click.command()
@click.option("--scale", default=1.0, show_default=True, help="Share of both sizes.")
@click.option("--passes", default=5, show_default=True)
def main(scale: float, passes: int) -> None:
    """Measure, and print the tables."""
    click.echo(report(list(measured(scale, passes))))


if __name__ == "__main__":
    main()
