"""Zones made by the real commands: one for each kind of database, copied for each attack."""

import json
import os
import pickle
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from fcntl import LOCK_EX, flock
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.databases import WORKER, administer
from tests.faults import running
from tests.faults.facts import ABSENCES, INSTALLED, JUNE, PEOPLE, VISITS
from tests.faults.zone import Lived, Zone
from tests.jobs.mail import post_office

_numbers = count(1)


def filled_at(url: str, folder: Path) -> Zone:
    """Install and fill a zone in the empty database of that address."""
    zone = Zone(url, folder)
    zone.crm("init", "--clock-from", INSTALLED)
    for name, text in (("people", PEOPLE), ("absences", ABSENCES), ("visits", VISITS)):
        file = folder / f"{name}.csv"
        file.write_text(text, encoding="utf-8")
        zone.crm("import", name, str(file))
    return zone


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    return request.param


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Make a thing once for all workers, who find it in their common folder."""
    folder = tmp_path_factory.getbasetemp()
    common = folder if WORKER == "main" else folder.parent

    def prepare(name: str, make: Callable[[], Any]) -> Any:
        kept = common / f"{name}.pickle"
        with (common / f"{name}.lock").open("w") as lock:
            flock(lock, LOCK_EX)
            if not kept.exists():
                kept.write_bytes(pickle.dumps(make()))
        return pickle.loads(kept.read_bytes())  # noqa: S301 - our own

    return prepare


@pytest.fixture(scope="session")
def filled(
    kind: str, prepared: Callable[..., Zone], tmp_path_factory: pytest.TempPathFactory
) -> Zone:
    """A zone installed and imported into an empty database; its clock has not run yet."""

    def fill() -> Zone:
        folder = tmp_path_factory.mktemp("filled")
        return filled_at(new_database(kind, folder), folder)

    return prepared(f"filled-{kind}", fill)


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Zone], Zone]:
    """Make another database with the same in it."""

    def copied(zone: Zone) -> Zone:
        folder = tmp_path_factory.mktemp("copy")
        if not zone.url.startswith("sqlite"):
            return Zone(_postgres(template=zone.url.rpartition("/")[2]), folder)
        path = folder / "crm.sqlite3"
        source = sqlite3.connect(zone.url.removeprefix("sqlite:///"))
        with closing(source), closing(sqlite3.connect(path)) as target:
            source.backup(target)  # with what lies in its write-ahead log
        return Zone(f"sqlite:///{path}", folder)

    return copied


@pytest.fixture(scope="session")
def june(
    kind: str, filled: Zone, copy: Callable[[Zone], Zone], prepared: Callable[..., Lived]
) -> Lived:
    """June, lived by nobody disturbed, and nothing sent though there is a server."""

    def live() -> Lived:
        zone = copy(filled)
        with post_office() as office:
            result = zone.start("clock", "run", "--until", JUNE, CRM_MAIL=office.url).ended()
        return Lived(zone, json.loads(result), zone.rows(), office.received)

    return prepared(f"june-{kind}", live)


@pytest.fixture
def zone(filled: Zone, copy: Callable[[Zone], Zone]) -> Zone:
    """A zone of the test's own, whose clock has not run yet."""
    return copy(filled)


@pytest.fixture(autouse=True)
def _nobody_left() -> Iterator[None]:
    """Whoever outlives a test is killed."""
    yield
    running.bury()


def new_database(kind: str, folder: Path) -> str:
    """The address of an empty one."""
    return f"sqlite:///{folder}/crm.sqlite3" if kind == "sqlite" else _postgres()


def _postgres(template: str = "template0") -> str:
    name = f"faults_{WORKER}_{next(_numbers)}"
    administer(f"CREATE DATABASE {name} TEMPLATE {template}")
    return f"{os.environ['CRM_TEST_POSTGRES']}/{name}"
