"""Making a backup: all tables as of one moment, then the attachments that they name."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from crm.backup import schema
from crm.backup.archive import ArchiveWriter, writing_archive
from crm.backup.loading import last_ids
from crm.backup.manifest import FORMAT, ChainEnd, Manifest, TablePart
from crm.backup.tables import TableShape, lines_of, shapes
from crm.base.audit_trail import trail
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.files.queries import stored_digests
from crm.files.store import FileStore


@value_class
class Made:
    """A backup that was made, and the attachments that it lacks."""

    manifest: Manifest
    lost: tuple[str, ...]  # hashes of files that are missing or changed


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that sees the database as of one moment, however long it reads."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(  # noqa: PLW2901 - the same connection
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            # attachments are read between two statements
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield connection


def back_up(engine: Engine, store: FileStore | None, path: Path, *, now: datetime) -> Made:
    """Write a backup into a new file; without a store it holds no attachments.

    Refused as `backup_exists`, `backup_not_written`.
    """
    with writing_archive(path) as archive, snapshot(engine) as connection:
        revision = schema.revision_of(connection)
        tables = {shape.name: _table(archive, connection, shape) for shape in shapes(connection)}
        with Session(connection) as db:
            chain = trail(db)
            named = sorted(stored_digests(db)) if store else []

        sizes = {digest: _file(archive, store, digest) for digest in named if store}
        manifest = Manifest(
            format=FORMAT,
            application=version("crm"),
            revision=str(revision),
            made_at=now,
            database=connection.dialect.name,
            trail=ChainEnd(position=chain.position, hash=chain.hash),
            tables=tables,
            last_ids=last_ids(connection),
            has_files=store is not None,
            files={digest: size for digest, size in sizes.items() if size is not None},
        )
        archive.close(manifest)

    return Made(manifest, tuple(digest for digest, size in sizes.items() if size is None))


def _table(archive: ArchiveWriter, connection: Connection, shape: TableShape) -> TablePart:
    found = archive.add_table(shape.name, lines_of(connection, shape))
    return TablePart(columns=shape.columns, rows=found.rows, sha256=found.sha256)


def _file(archive: ArchiveWriter, store: FileStore, digest: str) -> int | None:
    try:
        with store.open(digest) as content:
            return archive.add_file(digest, content)
    except (FileNotFoundError, Refused):  # the rest is worth having
        return None
