"""Fixtures for all tests: an empty database, on SQLite and PostgreSQL, and a fixed moment."""

import gc
import multiprocessing.util
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
import structlog
import time_machine
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker

from crm.base.audit import _source
from crm.base.db import begin_to_write
from crm.base.mail import Site
from crm.base.remembered import forget
from crm.people import service as people_service
from tests import compiled_once, quota_inputs, trail
from tests.databases import KINDS, Kept, empty_database
from tests.postgres import server

NOW = datetime(2026, 7, 15, 2, 0, tzinfo=UTC)  # Wednesday 10:00 in the zone
PAGES = Path(__file__).parent / "web"
MEMORY = Path("/dev/shm")  # noqa: S108 - only a folder of a name of its own is made in it
ENOUGH = 4 * 1024**3  # bytes; a whole run takes some hundred million
_running = ExitStack()
_modules = count()
settings.register_profile("ours", deadline=None)  # a busy machine is no fault
settings.load_profile("ours")
compiled_once.share()


def pytest_configure(config: pytest.Config) -> None:
    """Start one PostgreSQL for all workers, and print tracebacks in plain text."""
    # The default renders every local variable of every frame, which takes a second per traceback.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        os.environ["CRM_TEST_POSTGRES"] = _running.enter_context(server())
        _keep_files_in_memory()


def _keep_files_in_memory() -> None:
    """Spare SQLite the wait for the disk at each commit: some milliseconds, many times a test."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH:
        multiprocessing.util.get_temp_dir()  # made elsewhere, as it is removed after this one
        folder = _running.enter_context(
            tempfile.TemporaryDirectory(prefix="crm-tests-", dir=MEMORY)
        )
        Path(folder).chmod(0o755)  # servers of the tests run as somebody else
        os.environ["TMPDIR"] = tempfile.tempdir = folder


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop it."""
    if not hasattr(config, "workerinput"):
        _running.close()


def pytest_collection_finish() -> None:
    """Spare the garbage collector the modules and the thousands of collected tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="module", autouse=True)
def little_to_collect() -> Iterator[None]:
    """Spare it what lives on, too: each digest of the clock collects all garbage at once."""
    yield
    if next(_modules) % 8 == 0:
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session")
def kept_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Kept]]:
    """The databases of this process, each made when a test first wants it."""
    made: dict[str, Kept] = {}

    def of(kind: str) -> Kept:
        if kind not in made:
            made[kind] = Kept(kind, tmp_path_factory.mktemp(kind))
        return made[kind]

    yield of
    for database in made.values():
        database.close()


@pytest.fixture(params=KINDS)
def kind_of_database(request: pytest.FixtureRequest) -> str:
    """Each test that needs a database runs on both kinds."""
    return request.param


@pytest.fixture
def database(kept_databases: Callable[[str], Kept], kind_of_database: str) -> Iterator[Kept]:
    """A migrated database, empty, in which a test may commit."""
    database = kept_databases(kind_of_database)
    yield database
    database.wipe()


@pytest.fixture
def database_url(database: Kept) -> str:
    """Its address, for other processes."""
    return database.url


@pytest.fixture
def empty_database_url(kind_of_database: str, tmp_path: Path) -> Iterator[str]:
    """The address of a database of the test's own, without tables."""
    with empty_database(kind_of_database, tmp_path) as url:
        yield url


@pytest.fixture
def sessions(database: Kept) -> sessionmaker[Session]:
    """The maker of sessions of that database."""
    return database.sessions


@pytest.fixture
def db(kept_databases: Callable[[str], Kept], kind_of_database: str) -> Iterator[Session]:
    """A writing session on empty tables, rolled back in the end."""
    with kept_databases(kind_of_database).sessions() as session:
        begin_to_write(session)
        yield session
        session.rollback()


@pytest.fixture(scope="session", autouse=True)
def own_hasher() -> Iterator[PasswordHasher]:
    """Hash passwords fast in this process, and keep the product's own way for its test."""
    own = people_service._hasher  # noqa: SLF001 - its cost alone is changed
    people_service._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # noqa: SLF001
    yield own
    people_service._hasher = own  # noqa: SLF001


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Iterator[None]:
    """Begin each test as a new process does."""
    forget()
    yield
    forget()


@event.listens_for(Session, "after_commit")
def _forget_what_tests_arrange(_session: Session) -> None:
    # rows that tests arrange have no entry in the trail, by which the application would notice
    if _source.get() is None:
        forget()


@pytest.fixture(autouse=True)
def every_change_is_in_the_trail() -> Iterator[None]:
    """Fail a test in which the application changed a row and wrote no entry of it."""
    trail.UNTOLD.clear()
    yield
    assert trail.UNTOLD == []


@pytest.fixture(autouse=True)
def every_quota_input_is_collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test in which the application changed what quotas rest on and collected no edit."""
    yield from quota_inputs.watch(monkeypatch)


@pytest.fixture
def moment() -> Iterator[datetime]:
    """Stop the clock at NOW; a test that needs another moment moves it with time-machine."""
    with time_machine.travel(NOW, tick=False):
        yield NOW


@pytest.fixture
def app(database: Kept, moment: datetime) -> Flask:
    """The application on an empty database, at NOW."""
    return database.fresh_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without a screen."""
    return app.test_client()


@pytest.fixture
def site() -> Site:
    """What mails know of the installation."""
    return Site(base_url="https://crm.test", mail_from="crm@crm.test")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the browser's tests by their folder, and the pages' on PostgreSQL as slow."""
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)
        kind = getattr(item, "callspec", None)
        if kind and "postgresql" in kind.id and (_is_page(item) or _is_marked(item)):
            item.add_marker(pytest.mark.slow)


def _is_marked(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow_on_postgresql") is not None


def _is_page(item: pytest.Item) -> bool:
    """Whether it tests what a page shows, not what two people do to it at once.

    Each query is tested on both databases where it stands; tests/guards/test_queries.py opens
    every page on PostgreSQL.
    """
    is_page = PAGES in item.path.parents and item.path.parent != PAGES
    at_once = {"sessions", "database_url"} & set(getattr(item, "fixturenames", ()))
    return is_page and not at_once


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was left out, and why."""
    for report in terminalreporter.stats.get("skipped", []):
        terminalreporter.write_line(f"LEFT OUT {report.nodeid}: {report.longrepr[2]}", red=True)
