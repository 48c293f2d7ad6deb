"""Moving an installation from SQLite to PostgreSQL; the file stays as it was, and says so."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from crm.backup import schema
from crm.backup.filling import fill
from crm.backup.manifest import ChainEnd
from crm.backup.restoring import emptied
from crm.backup.tables import Fingerprint, TableShape, Values, fingerprint, lines_of, row_of, shapes
from crm.base.audit_trail import trail
from crm.base.db import MOVED_MARK, WRITE
from crm.base.errors import Refused
from crm.base.formatting import moment
from crm.jobs import lease


class DatabaseSource:
    """The tables of another database."""

    last_ids: Mapping[str, int] = {}  # SQLite keeps none

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._shapes: dict[str, TableShape] = {shape.name: shape for shape in shapes(connection)}
        self._found: dict[str, Fingerprint] = {}

    @cached_property
    def revision(self) -> str:
        """Refused as `not_installed`."""
        if (revision := schema.revision_of(self._connection)) is None:
            raise Refused("not_installed")
        return revision

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        return {name: shape.columns for name, shape in self._shapes.items()}

    @cached_property
    def chain_end(self) -> ChainEnd:
        with Session(self._connection) as db:
            end = trail(db)
        return ChainEnd(position=end.position, hash=end.hash)

    def rows(self, name: str) -> Iterable[Values]:
        return map(row_of, lines_of(self._connection, self._shapes[name]))

    def fingerprint(self, name: str) -> Fingerprint:
        return fingerprint(lines_of(self._connection, self._shapes[name]))


def move(source: Engine, target: Engine, *, now: datetime) -> dict[str, int]:
    """Fill PostgreSQL from SQLite and compare; the number of rows by table.

    Nobody can write to the file meanwhile. Refused as `database_in_use`, `database_not_empty`,
    `database_newer`, `database_foreign`, and where the result is not as in the file.
    """
    with source.connect().execution_options(begin=WRITE) as reading:
        with Session(reading) as db:
            if lease.holder_of(db):
                raise Refused("database_in_use")
        tables = DatabaseSource(reading)
        with emptied(target, replaces=False) as connection:
            fill(connection, tables)
            counts = {name: tables.fingerprint(name).rows for name in tables.columns}
    mark_of(source).write_text(f"{moment(now)}\n", encoding="utf-8")
    return counts


def mark_of(engine: Engine) -> Path:
    """The file that says that the database was moved away."""
    return Path(f"{engine.url.database}{MOVED_MARK}")
