"""The databases of one test process: migrated once, wiped after each test that commits."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask
from sqlalchemy import Connection, Engine, create_engine, insert, text
from sqlalchemy.orm import Session, sessionmaker

from crm.app import create_app
from crm.base.db import Base, engine_options
from crm.base.seed_files import read_seeds
from crm.cli.migrations import migrations
from crm.extensions import db as database_of_app
from crm.extensions import limiter
from crm.leads.models import MilestoneKind
from crm.leads.rules import Stage
from crm.settings import Settings

KINDS = ("sqlite", "postgresql")
INDEXES = ("lead_gram", "company_gram", "visit_gram", "visit_company_gram")  # which triggers keep
AUDITED = ("audit_entry", "audit_link", "audit_seal")
FROM_ONE = "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"
SECRET = "a secret of the tests, long enough for the check"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
FILES = TemporaryDirectory(prefix="crm-files-")  # attachments of all tests of this process
COPIED = TemporaryDirectory(prefix="crm-copied-")  # the migrated file
_numbers = count(1)


def settings_for(url: str, **given: object) -> Settings:
    """Settings of a test's application."""
    own = {
        "database_url": url,
        "files": FILES.name,
        "secret_key": SECRET,
        "base_url": "https://crm.test",
    }
    return Settings(**own | given)


def apart(step: Callable[[], None]) -> None:
    """Do it in a thread of its own: Flask cannot where the browser's event loop runs."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(step).result()


def administer(statement: str) -> None:
    """Run a statement on the PostgreSQL server itself."""
    engine = create_engine(
        f"{os.environ['CRM_TEST_POSTGRES']}/postgres", isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@contextmanager
def empty_database(kind: str, folder: Path, *, template: str = "template1") -> Iterator[str]:
    """The URL of a database without tables but those of a PostgreSQL template, then dropped."""
    if kind == "sqlite":
        file = folder / "empty.sqlite3"
        file.touch()
        yield f"sqlite:///{file}"
        return
    name = f"test_{WORKER}_{next(_numbers)}"
    administer(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield f"{os.environ['CRM_TEST_POSTGRES']}/{name}"
    administer(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def migrated_database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of a database with all tables, copied from one that is migrated once."""
    if kind == "sqlite":
        file = folder / "migrated.sqlite3"
        shutil.copyfile(_migrated_file(), file)
        yield f"sqlite:///{file}"
        return
    with empty_database(kind, folder, template=_migrated_template()) as url:
        yield url


def sessions_of(url: str) -> sessionmaker[Session]:
    """The maker of sessions of that database."""
    options = engine_options(url)
    return sessionmaker(create_engine(options.pop("url"), **options), expire_on_commit=False)


@contextmanager
def other_app(url: str, **given: object) -> Iterator[Flask]:
    """The application of another process; its connections are closed in the end."""
    app = create_app(settings_for(url, **given))
    yield app
    _in_app(app, _dispose)


@contextmanager
def unguarded(connection: Connection) -> Iterator[None]:
    """The audit trail without its triggers, as only the owner of the tables can have it."""
    if connection.dialect.name == "postgresql":
        for table in AUDITED:
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        yield
        for table in AUDITED:
            connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
        return
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit_%'"
    triggers = connection.execute(text(query)).all()
    for name, _ in triggers:
        connection.execute(text(f"DROP TRIGGER {name}"))
    yield
    for _, sql in triggers:
        connection.exec_driver_sql(sql)


def _in_app(app: Flask, step: Callable[[], None]) -> None:
    with app.app_context():
        step()


def _dispose() -> None:
    database_of_app.engine.dispose()


@cache
def _migrated_template() -> str:
    """The PostgreSQL database of this process that others are copied from."""
    name = f"template_{WORKER}"
    administer(f"CREATE DATABASE {name}")
    migrate(f"{os.environ['CRM_TEST_POSTGRES']}/{name}")
    return name


@cache
def _migrated_file() -> Path:
    """The SQLite database of this process that others are copied from."""
    file = Path(COPIED.name) / "migrated.sqlite3"
    file.touch()
    migrate(f"sqlite:///{file}")
    return file


def migrate(url: str) -> None:
    """Make the tables of that database."""
    app = create_app(settings_for(url))
    apart(lambda: _in_app(app, lambda: migrations().upgrade()))
    apart(lambda: _in_app(app, _dispose))


@cache
def _kinds() -> list[dict[str, object]]:
    stages = [(stage.value, stage.label) for stage in Stage]
    side = [(row["code"], row["name"]) for row in read_seeds("milestones.yaml")]
    return [
        {"code": code, "name": name, "position": place, "is_used": True}
        for kinds in (stages, side)
        for place, (code, name) in enumerate(kinds, start=1)
    ]


def _empty_sqlite(connection: Connection, names: Sequence[str]) -> None:
    """Empty the few tables that a test filled; to take the triggers away costs more than that."""
    asked = ", ".join(f"EXISTS (SELECT 1 FROM {name})" for name in names)
    marks = connection.exec_driver_sql(f"SELECT {asked}").one()
    filled = [name for name, is_filled in zip(names, marks, strict=True) if is_filled]
    connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    with nullcontext() if set(AUDITED).isdisjoint(filled) else unguarded(connection):
        for name in filled:
            connection.exec_driver_sql(f"DELETE FROM {name}")


class Kept:
    """One migrated database of a kind, with the application on it."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._life = migrated_database(kind, folder)
        self.url = self._life.__enter__()
        self.app = create_app(settings_for(self.url))
        self.sessions = sessions_of(self.url)

    def wipe(self) -> None:
        """Empty every table, and bring back the kinds of milestones that the migrations made."""
        names = [table.name for table in reversed(Base.metadata.sorted_tables)]
        with self._engine.begin() as connection:
            if self._engine.dialect.name == "postgresql":
                # for few rows much faster than TRUNCATE, which makes new files
                connection.execute(text("SET LOCAL session_replication_role = replica"))
                emptied = ";".join(f"DELETE FROM {name}" for name in (*names, *INDEXES))
                connection.execute(text(emptied))
                connection.execute(text(FROM_ONE))
            else:
                _empty_sqlite(connection, names)
            connection.execute(insert(MilestoneKind), _kinds())

    def fresh_app(self) -> Flask:
        """The application, set as a test expects it."""
        self.app.config.update(WTF_CSRF_ENABLED=False, TESTING=True, SESSION_COOKIE_SECURE=True)
        limiter.enabled = False
        return self.app

    def close(self) -> None:
        """Close what holds the database, and be rid of it."""
        apart(lambda: _in_app(self.app, _dispose))
        self._engine.dispose()
        self._life.__exit__(None, None, None)

    @property
    def _engine(self) -> Engine:
        engine: Engine = self.sessions.kw["bind"]
        return engine
