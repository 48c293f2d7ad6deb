"""Zones made by the real commands: one for each kind of database, copied for each attack."""

import json
import os
import pickle
import sqlite3
from collections.abc import Callable
from contextlib import closing
from fcntl import LOCK_EX, flock
from itertools import count
from typing import Any

import pytest

from tests.conftest import administer
from tests.faults.facts import ABSENCES, INSTALLED, JUNE, PEOPLE, VISITS
from tests.faults.zone import Lived, Zone, ended
from tests.jobs.mail import post_office

_numbers = count(1)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    return request.param


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, worker: str) -> Callable[..., Any]:
    """Make a thing once for all workers, who find it in their common folder."""
    folder = tmp_path_factory.getbasetemp()
    common = folder if worker == "main" else folder.parent

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
    kind: str, prepared: Callable[..., Zone], tmp_path_factory: pytest.TempPathFactory, worker: str
) -> Zone:
    """A zone installed and imported into an empty database; its clock has not run yet."""

    def fill() -> Zone:
        folder = tmp_path_factory.mktemp("filled")
        commands = [["init", "--clock-from", INSTALLED]]
        for name, text in (("people", PEOPLE), ("absences", ABSENCES), ("visits", VISITS)):
            file = folder / f"{name}.csv"
            file.write_text(text, encoding="utf-8")
            commands.append(["import", name, str(file)])
        is_sqlite = kind == "sqlite"
        zone = Zone(f"sqlite:///{folder}/crm.sqlite3" if is_sqlite else _postgres(worker))
        # one process for all, because to start takes longer than to do
        ended(zone.start(json.dumps(commands), module="tests.faults.several"))
        return zone

    return prepared(f"filled-{kind}", fill)


@pytest.fixture(scope="session")
def copy(worker: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Zone], Zone]:
    """Make another database with the same in it."""

    def copied(zone: Zone) -> Zone:
        if not zone.url.startswith("sqlite"):
            return Zone(_postgres(worker, template=zone.url.rpartition("/")[2]))
        path = f"{tmp_path_factory.mktemp('faults')}/crm.sqlite3"
        source = sqlite3.connect(zone.url.removeprefix("sqlite:///"))
        with closing(source), closing(sqlite3.connect(path)) as target:
            source.backup(target)
        return Zone(f"sqlite:///{path}")

    return copied


@pytest.fixture(scope="session")
def june(
    kind: str, filled: Zone, copy: Callable[[Zone], Zone], prepared: Callable[..., Lived]
) -> Lived:
    """June, lived by nobody disturbed, and nothing sent though there is a server."""

    def live() -> Lived:
        zone = copy(filled)
        with post_office() as office:
            summary = zone.live(JUNE, CRM_MAIL=office.url)
        return Lived(zone, summary, zone.rows(), office.received)

    return prepared(f"june-{kind}", live)


@pytest.fixture
def zone(filled: Zone, copy: Callable[[Zone], Zone]) -> Zone:
    """A zone of the test's own, whose clock has not run yet."""
    return copy(filled)


def _postgres(worker: str, template: str = "template0") -> str:
    name = f"faults_{worker}_{next(_numbers)}"
    administer(f"CREATE DATABASE {name} TEMPLATE {template}")
    return f"{os.environ['CRM_TEST_POSTGRES']}/{name}"
