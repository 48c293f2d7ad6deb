"""Restoring a backup into an empty database: all of it, or nothing.

On PostgreSQL that is one transaction; on SQLite a new file, which takes the old one's place once it
is whole. A restored copy holds its delivery: what it knows as waiting may have gone out long ago.
"""

import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, delete, text, update
from sqlalchemy.orm import Session

from crm.backup import schema
from crm.backup.archive import Archive, reading_archive
from crm.backup.filling import fill
from crm.backup.manifest import ChainEnd, Manifest
from crm.backup.tables import Fingerprint, Values
from crm.base.db import INSTALLATION_LOCK, MOVED_MARK, engine_options, installation_lock, make_file
from crm.base.errors import Refused
from crm.base.formatting import moment
from crm.base.outbox import Message, State
from crm.files.store import FileStore
from crm.jobs import lease
from crm.jobs.delivery_hold import hold_delivery, hold_of
from crm.jobs.models import Lease

MAY_HAVE_ARRIVED = "备份时正在发送或结果不明，可能已送达"
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


@dataclass(frozen=True)
class ArchiveSource:
    """The tables of a backup."""

    archive: Archive

    @property
    def revision(self) -> str:
        return self.archive.manifest.revision

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        return {name: part.columns for name, part in self.archive.manifest.tables.items()}

    @property
    def last_ids(self) -> Mapping[str, int]:
        return self.archive.manifest.last_ids

    @property
    def chain_end(self) -> ChainEnd:
        return self.archive.manifest.trail

    def rows(self, name: str) -> Iterable[Values]:
        return self.archive.rows(name)

    def fingerprint(self, name: str) -> Fingerprint:
        part = self.archive.manifest.tables[name]
        return Fingerprint(part.rows, part.sha256)


def check_backup(path: Path) -> Manifest:
    """Read all of a backup; refused as `backup_unreadable`, `backup_damaged`, `backup_newer`."""
    with reading_archive(path) as archive:
        _check(archive)
        return archive.manifest


def _check(archive: Archive) -> None:
    if not schema.is_known(archive.manifest.revision):
        raise Refused("backup_newer", version=archive.manifest.application)
    archive.check()


def restore(
    engine: Engine, store: FileStore, path: Path, *, replaces: bool, now: datetime
) -> Manifest:
    """Restore a backup; with `replaces` in the place of what the database holds.

    Refused as of `check_backup`, as `database_in_use`, `database_newer`, `database_foreign`,
    `database_not_empty`, and where the result is not as in the backup.
    """
    with reading_archive(path) as archive:
        _check(archive)
        with emptied(engine, replaces=replaces) as connection:
            for digest in archive.manifest.files:
                store.keep(archive.content(digest))  # one that is there already stays
            fill(connection, ArchiveSource(archive))
            _hold_what_may_have_gone(connection, archive.manifest, now)
    return archive.manifest


@contextmanager
def emptied(engine: Engine, *, replaces: bool) -> Iterator[Connection]:
    """A connection to the database without tables; what is done in the block holds if it ends well.

    Refused as `database_in_use`, `database_newer`, `database_foreign`, `database_not_empty`.
    """
    on_server = engine.dialect.name == "postgresql"
    with (_emptied_server if on_server else _new_file)(engine, replaces=replaces) as connection:
        yield connection


@contextmanager
def _emptied_server(engine: Engine, *, replaces: bool) -> Iterator[Connection]:
    with engine.begin() as connection:
        for timeout in ("lock_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {timeout} = 0"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({INSTALLATION_LOCK})"))
        if connection.scalar(text(_OTHERS)):
            raise Refused("database_in_use")
        _refuse_unless_empty(connection, replaces=replaces)
        schema.clear(connection)
        yield connection


@contextmanager
def _new_file(engine: Engine, *, replaces: bool) -> Iterator[Connection]:
    path = Path(engine.url.database or "").resolve()
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    with installation_lock(engine), _out_of_use(engine, path, replaces=replaces):
        try:
            with _opened(part) as connection, connection.begin():
                yield connection
            part.replace(path)
            Path(f"{path}{MOVED_MARK}").unlink(missing_ok=True)
        finally:
            for rest in ("", "-wal", "-shm"):
                Path(f"{part}{rest}").unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        with suppress(OSError):
            os.fsync(folder)
        os.close(folder)


@contextmanager
def _opened(path: Path) -> Iterator[Connection]:
    options = engine_options(f"sqlite:///{path}")
    engine = create_engine(options.pop("url"), **options)
    make_file(engine.url)
    path.chmod(0o600)
    try:
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None  # noqa: S101 - the connection is open
            driver.execute("PRAGMA foreign_keys = OFF")  # has no effect inside a transaction
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _out_of_use(engine: Engine, path: Path, *, replaces: bool) -> Iterator[None]:
    """The present file, which nobody uses and nobody can use meanwhile."""
    if not path.exists() or not path.stat().st_size:
        yield
        return
    with engine.connect() as connection:
        _refuse_unless_empty(connection, replaces=replaces)
    engine.dispose()
    old = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        # fails while anybody else has the file open; its log goes, which must not outlive the file
        old.execute("PRAGMA journal_mode = DELETE")
        old.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        old.close()
        raise Refused("database_in_use") from error
    try:
        yield
    finally:
        old.close()


def _refuse_unless_empty(connection: Connection, *, replaces: bool) -> None:
    revision = schema.revision_of(connection)
    if revision is None:
        return
    if not schema.is_known(revision):
        raise Refused("database_newer")
    with Session(connection) as db:
        if lease.holder_of(db):
            raise Refused("database_in_use")
    if schema.has_people(connection) and not replaces:
        raise Refused("database_not_empty")


def _hold_what_may_have_gone(connection: Connection, manifest: Manifest, now: datetime) -> None:
    with Session(connection) as db:
        doubtful = update(Message).where(Message.state.in_((State.SENDING, State.AMBIGUOUS)))
        held = {"state": State.HELD, "note": MAY_HAVE_ARRIVED, "claimed_by": None}
        db.execute(
            doubtful.values(**held, claimed_until=None),
            execution_options={"synchronize_session": False},
        )
        db.execute(delete(Lease))  # of nodes of the old installation
        why = f"由 {moment(manifest.made_at)} 的备份恢复，请核对后恢复发信"
        if before := hold_of(db):  # the new reason weighs more
            why = f"{why}；备份时已暂停：{before.why}"
            db.delete(before)
            db.flush()
        hold_delivery(db, why=why, by=None, now=now)
        db.commit()
