"""What every test stands on: a fresh database, on SQLite and PostgreSQL, and a fixed moment."""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker

from crm.app import create_app
from crm.base.db import begin_to_write, engine_options
from crm.base.mail import Site
from crm.extensions import alembic
from crm.extensions import db as database_of_app
from crm.settings import Settings
from tests.postgres import server

NOW = datetime(2026, 7, 15, 2, 0, tzinfo=UTC)  # Wednesday 10:00 in the zone
SECRET = "a secret of the tests, long enough for the check"
_numbers = count(1)
_running = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Start one PostgreSQL for all workers."""
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        os.environ["CRM_TEST_POSTGRES"] = _running.enter_context(server())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop it."""
    if not hasattr(config, "workerinput"):
        _running.close()


def settings_for(url: str, **given: object) -> Settings:
    """Settings of a test's application."""
    own = {"database_url": url, "secret_key": SECRET, "base_url": "https://crm.test"}
    return Settings(**own | given)


def apart(step: Callable[[], None]) -> None:
    """Do it in a thread of its own: Flask cannot where the browser's event loop runs."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(step).result()


def dispose(app: Flask) -> None:
    """Close the application's connections."""
    with app.app_context():
        database_of_app.engine.dispose()


def migrate(url: str) -> None:
    """Bring a database to the newest tables."""
    app = create_app(settings_for(url))
    with app.app_context():
        alembic.upgrade()
        database_of_app.engine.dispose()


@pytest.fixture(scope="session")
def worker(request: pytest.FixtureRequest) -> str:
    """The name of this test process, for what it alone uses."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "crm.sqlite3"
    apart(lambda: migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_template(worker: str) -> str:
    """A migrated PostgreSQL database to copy: its server's URL; named `template_<worker>`."""
    base = os.environ["CRM_TEST_POSTGRES"]
    administer(f"CREATE DATABASE template_{worker}")
    apart(lambda: migrate(f"{base}/template_{worker}"))
    return base


def administer(statement: str) -> None:
    """Run a statement on the server itself."""
    engine = create_engine(
        f"{os.environ['CRM_TEST_POSTGRES']}/postgres", isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def kind_of_database(request: pytest.FixtureRequest) -> str:
    """Each test that needs a database runs on both kinds."""
    return request.param


@pytest.fixture
def database_url(
    request: pytest.FixtureRequest, kind_of_database: str, tmp_path: Path, worker: str
) -> Iterator[str]:
    """A fresh migrated database."""
    if kind_of_database == "sqlite":
        path = tmp_path / "crm.sqlite3"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    base = request.getfixturevalue("postgres_template")
    name = f"test_{worker}_{next(_numbers)}"
    administer(f"CREATE DATABASE {name} TEMPLATE template_{worker}")
    yield f"{base}/{name}"
    administer(f"DROP DATABASE {name} WITH (FORCE)")


def sessions_of(url: str) -> sessionmaker[Session]:
    """The maker of sessions of that database."""
    options = engine_options(url)
    return sessionmaker(create_engine(options.pop("url"), **options), expire_on_commit=False)


@pytest.fixture
def sessions(database_url: str) -> Iterator[sessionmaker[Session]]:
    """The maker of sessions of a fresh database."""
    maker = sessions_of(database_url)
    yield maker
    maker.kw["bind"].dispose()


@pytest.fixture(scope="session")
def standing(
    request: pytest.FixtureRequest, worker: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], sessionmaker[Session]]]:
    """Databases that stand empty for the whole run, since nothing in them is ever committed."""

    made: dict[str, sessionmaker[Session]] = {}

    def make(kind: str) -> sessionmaker[Session]:
        if kind == "sqlite":
            path = tmp_path_factory.mktemp("standing") / "crm.sqlite3"
            shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
            return sessions_of(f"sqlite:///{path}")
        base = request.getfixturevalue("postgres_template")
        administer(f"CREATE DATABASE standing_{worker} TEMPLATE template_{worker}")
        return sessions_of(f"{base}/standing_{worker}")

    def maker(kind: str) -> sessionmaker[Session]:
        if kind not in made:
            made[kind] = make(kind)
        return made[kind]

    yield maker
    for sessions in made.values():
        sessions.kw["bind"].dispose()


@pytest.fixture
def db(
    kind_of_database: str, standing: Callable[[str], sessionmaker[Session]]
) -> Iterator[Session]:
    """A writing session on empty tables, rolled back in the end."""
    with standing(kind_of_database)() as session:
        begin_to_write(session)
        yield session
        session.rollback()


@pytest.fixture
def moment() -> Iterator[datetime]:
    """Stop the clock at NOW; a test that needs another moment moves it with time-machine."""
    with time_machine.travel(NOW, tick=False):
        yield NOW


@pytest.fixture
def app(database_url: str, moment: datetime) -> Iterator[Flask]:
    """The application on a fresh database, at NOW."""
    app = create_app(settings_for(database_url))
    app.config.update(WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False, TESTING=True)
    yield app
    dispose(app)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without a screen."""
    return app.test_client()


@pytest.fixture
def site() -> Site:
    """What mails know of the installation."""
    return Site(base_url="https://crm.test", mail_from="crm@crm.test")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the browser's tests by their folder; without Chromium they are left out, by name."""
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was left out, and why."""
    for report in terminalreporter.stats.get("skipped", []):
        terminalreporter.write_line(f"LEFT OUT {report.nodeid}: {report.longrepr[2]}", red=True)
