"""The people and visits of an invented province, for measurements of figures.

At scale 1: 20,000 people and, over three years, two million visits, as many every month. Over
fifteen years it is ten million. Visits are inserted by the driver.
"""

from collections.abc import Iterator
from datetime import date, time
from functools import cache
from itertools import islice
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from bench.zone import fill_people
from crm.base import clock
from crm.base.periods import DAY
from crm.people.models import Unit

PEOPLE, VISITS_A_YEAR = 20_000, 2_000_000 // 3
DAYS_A_YEAR = 365
ROWS = 50_000  # in one execution
COMPANIONS = 10  # each tenth visit has one
LATE = 50  # each fiftieth is logged late
STAYS = 4  # each fourth is a stay of several days
LONGEST_STAY = 5

KINDS = ("residency",) * 6 + ("outreach",) * 3 + ("reception",) * 2 + ("remote",)
COLUMNS = (
    *("id", "ref", "kind", "channel", "status", "starts_at", "ends_at", "first_on", "last_on"),
    *("city", "leader_id", "entered_by_id", "entered_at", "logged_at", "late_by_days"),
)
INDEXES = """
    SELECT name, sql FROM sqlite_master
    WHERE type = 'index' AND tbl_name IN ('visit', 'visit_participant') AND sql IS NOT NULL
"""
Row = tuple[object, ...]


def people_count(scale: float) -> int:
    return max(round(PEOPLE * scale), 60)


def visit_count(scale: float, years: int) -> int:
    return round(VISITS_A_YEAR * scale) * years


def fill(db: Session, *, scale: float, years: int, today: date) -> None:
    """Insert people, and visits of the last `years`, into a database that `crm init` prepared."""
    people, count = people_count(scale), visit_count(scale, years)
    units: dict[str, int] = dict(db.execute(select(Unit.code, Unit.id)).all())
    begun = today - (years * DAYS_A_YEAR + 30) * DAY
    fill_people(db, people, units, today, begun=begun)
    db.flush()
    connection = db.connection().connection.driver_connection
    assert connection is not None  # noqa: S101 - a session in use has one

    rng = Random(17)
    # made again in the end, which takes less time than to keep them up to date
    indexes = connection.execute(INDEXES).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    marks = ", ".join("?" * len(COLUMNS))
    visits = f"INSERT INTO visit ({', '.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608 - no input
    rows = _visits(rng, count, people, years, today)
    while part := list(islice(rows, ROWS)):
        connection.executemany(visits, part)

    companions = (
        "INSERT INTO visit_participant (visit_id, person_id, late_by_days) VALUES (?, ?, 0)"
    )
    connection.executemany(companions, _companions(count, people))
    for _, statement in indexes:
        connection.execute(statement)
    connection.execute("ANALYZE")


def _visits(rng: Random, count: int, people: int, years: int, today: date) -> Iterator[Row]:
    """Done visits in the order of their dates, as they are logged in use."""
    span = years * DAYS_A_YEAR
    for number in range(1, count + 1):
        on = today - (span - (number - 1) * span // count) * DAY
        kind = rng.choice(KINDS)
        length = rng.randrange(LONGEST_STAY) if kind == "residency" and number % STAYS == 0 else 0
        last_on = on + length * DAY
        logged_at = _stored(last_on + (6 if number % LATE == 0 else 0) * DAY, 18)
        leader_id = rng.randrange(people) + 1
        yield (
            *(number, f"V{number:08}", kind, "video" if kind == "remote" else "in_person", "done"),
            *(_stored(on, 9), _stored(last_on, 17), on.isoformat(), last_on.isoformat()),
            *("苏州", leader_id, leader_id, logged_at, logged_at, 0),
        )


def _companions(count: int, people: int) -> Iterator[tuple[int, int]]:
    for number in range(COMPANIONS, count + 1, COMPANIONS):
        yield number, number % people + 1


@cache
def _stored(on: date, hour: int) -> str:
    """That hour of the civil date, as SQLite stores instants."""
    return f"{clock.at_civil(on, time(hour)):%Y-%m-%d %H:%M:%S.%f}"
