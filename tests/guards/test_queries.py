"""No page sends more than a few queries, and none sends more where there are more rows.

They are counted on SQLite; that each page opens on PostgreSQL too is seen beside it.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from crm.base.audit import coming_from, record
from crm.base.mail import Site
from crm.base.remembered import forget
from crm.base.updated_reads import EVERYDAY
from crm.transactions import transaction
from crm.visits.models import Visit
from tests.conftest import NOW
from tests.counting import statements_of
from tests.databases import Kept
from tests.factories import sign_in
from tests.filled_zone import PAGES, grow, live
from tests.long_reads import FORBIDDEN, tables_read_for_long

MOST = 12
# a trial run makes the digest of everybody as the clock does, and throws it away; the search asks
# seven kinds of record; the small page has my day's list and, in words, what may be judged there;
# what is kept of a contact is looked for in each table that may name a person
ABOVE = {
    "/admin/clock/weekly-digest/preview": 102,
    "/m": 13,
    "/search?q=项目": 18,
    "/contacts/{contact}/personal-data": 44,
}
# the first view after a change reads anew what the process remembered
MOST_ANEW = 20
# a lead gathers claims, problems, files, amounts, sites, merges and own fields, each remembered by
# itself; a merge asks each table that refers to the record; a plan judges figures and reads leads
ABOVE_ANEW = {
    "/": 76,
    "/m": 63,
    "/targets": 25,
    "/search?q=项目": 21,
    "/admin/clock/weekly-digest/preview": 106,
    "/leads/{lead}": 29,
    "/contacts/{contact}/personal-data": 46,
    "/merges/{merge}": 28,
    "/visits/plan": 24,
    "/visits/plan?person=shen": 27,
}
PATHS = sorted({path for _, path in PAGES})
PEOPLE = {"shan": "admin", "wu": "supervisor", "yan": "leader", "shen": "recruiter", "gu": "reader"}
FEW, MANY = 2, 8


# the first after somebody logged a visit: what rests on the organisation is still known
MOST_CHANGED = 17
ABOVE_CHANGED = {
    "/": 33,
    "/m": 28,
    "/leads/{lead}": 22,
    "/merges/{merge}": 25,
    "/admin/clock/weekly-digest/preview": 101,
    "/contacts/{contact}/personal-data": 42,
}


class Count(NamedTuple):
    """The queries of a page for its first view in a process, for the next, and after a visit.

    None where it does not open.
    """

    anew: int
    again: int
    changed: int


@dataclass
class Zone:
    """The zone in a database that keeps it with few rows and with many."""

    database: Kept
    folder: Path
    names: dict[str, object] = field(default_factory=dict)  # in its addresses
    clients: dict[str, FlaskClient] = field(default_factory=dict)
    counts: dict[str, dict[str, list[Count]]] = field(default_factory=dict)
    tables: dict[str, Mapping[frozenset[str], set[str]]] = field(
        default_factory=dict
    )  # read for what outlives a visit

    def fill(self) -> None:
        app = self.database.fresh_app()
        self.names = live(self.database.sessions, Site("https://crm.test", "crm@crm.test"))
        self.clients = {who: sign_in(app, who) for who in PEOPLE}

    def grow(self, size: int) -> None:
        with transaction(self.database.sessions) as db:
            grow(db, size)

    def keep(self, size: int) -> None:
        """Copy the SQLite database aside."""
        with self._open() as own, closing(sqlite3.connect(self._aside(size))) as aside:
            own.backup(aside)

    def restore(self, size: int) -> None:
        """Copy it back."""
        with self._open() as own, closing(sqlite3.connect(self._aside(size))) as aside:
            aside.backup(own)

    def count(self, who: str) -> dict[str, list[Count]]:
        """The queries of each page for the person, with few rows and with many."""
        if who not in self.counts:
            found = defaultdict(list)
            with tables_read_for_long(self.database.app) as tables:
                for size in (FEW, MANY):
                    self.restore(size)
                    for path in PATHS:
                        found[path].append(self._count(self.clients[who], path))
            self.counts[who], self.tables[who] = found, tables
        return self.counts[who]

    def statuses(self, who: str) -> dict[str, int]:
        """The status of each page for the person."""
        client = self.clients[who]
        return {path: client.get(path.format(**self.names)).status_code for path in PATHS}

    def _count(self, client: FlaskClient, path: str) -> Count:
        forget()
        address = path.format(**self.names)
        counts = []
        for when in Count._fields:
            if when == "changed":
                self._change_a_visit()
            with statements_of(self.database.app) as statements:
                answer = client.get(address)
            if answer.status_code != 200:
                return Count(0, 0, 0)
            counts.append(sum(not statement.startswith("BEGIN") for statement in statements))
        return Count(*counts)

    def _change_a_visit(self) -> None:
        # what comes from nowhere is arranged, and makes the tests forget
        with coming_from("test"), transaction(self.database.sessions) as db:
            visit = db.scalars(select(Visit)).first()
            record(db, "visit.changed", visit, by=None, at=NOW, after={"city": visit.city})

    def _aside(self, size: int) -> Path:
        return self.folder / f"{size}.sqlite3"

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        engine: Engine = self.database.sessions.kw["bind"]
        with closing(engine.raw_connection()) as connection:
            yield connection.driver_connection


@pytest.fixture(
    scope="module",
    params=[who if who != "gu" else pytest.param(who, marks=pytest.mark.slow) for who in PEOPLE],
    ids=PEOPLE.values(),
)
def who(request):
    """One person after the other, as what was counted of them is looked at twice.

    The reader opens nothing that the supervisor does not.
    """
    return request.param


@pytest.fixture(scope="module")
def zone(kept_databases, tmp_path_factory):
    """The zone on SQLite, with few rows and with many."""
    zone = Zone(kept_databases("sqlite"), tmp_path_factory.mktemp("zone"))
    with time_machine.travel(NOW, tick=False):
        zone.fill()
        for size in (FEW, MANY):
            zone.grow(size)
            zone.keep(size)
        yield zone
    zone.database.wipe()


@pytest.fixture(scope="module")
def zone_on_postgresql(kept_databases, tmp_path_factory):
    """The zone on PostgreSQL, with many rows."""
    zone = Zone(kept_databases("postgresql"), tmp_path_factory.mktemp("zone"))
    with time_machine.travel(NOW, tick=False):
        zone.fill()
        zone.grow(MANY)
        yield zone
    zone.database.wipe()


def test_a_page_sends_few_queries_however_many_rows_it_has(zone, who):
    counts = zone.count(who)

    beyond = {
        path: (few, many)
        for path, (few, many) in counts.items()
        if few.again > ABOVE.get(path, MOST)
        or few.anew > ABOVE_ANEW.get(path, MOST_ANEW)
        or few.changed > ABOVE_CHANGED.get(path, MOST_CHANGED)
        or many.again > few.again
        or many.changed > few.changed
        or many.anew > few.anew
    }
    assert beyond == {}


def test_what_outlives_a_change_is_read_from_no_table_that_it_changes(zone, who):
    """Else a page would show what was: entries about a visit leave the values of units."""
    zone.count(who)

    assert {"unit", "posting", "rule"} <= zone.tables[who][EVERYDAY]
    for left, tables in zone.tables[who].items():
        assert (left, tables & FORBIDDEN[left]) == (left, set())


def test_each_page_opens_on_postgresql_for_whom_it_opens_on_sqlite(zone, zone_on_postgresql, who):
    statuses = zone_on_postgresql.statuses(who)

    assert set(statuses.values()) <= {200, 302, 303, 403, 404}
    opened = {path for path, status in statuses.items() if status == 200}
    assert opened == {path for path, (few, _) in zone.count(who).items() if few.anew}
