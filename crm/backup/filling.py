"""Filling an empty database from a backup or another database, and comparing the two."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from crm.backup import schema
from crm.backup.loading import analyze, load, set_sequences, unguarded
from crm.backup.manifest import ChainEnd
from crm.backup.tables import Fingerprint, TableShape, Values, fingerprint, lines_of, shapes
from crm.base.audit_trail import first_break_seen, trail
from crm.base.errors import Refused
from crm.leads import search_index
from crm.visits import search_index as visit_index


class RowSource(Protocol):
    """Tables to fill a database from, all as of one moment."""

    @property
    def revision(self) -> str:
        """The migration that the tables are at."""

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of each table, in the order of the values in a row."""

    @property
    def last_ids(self) -> Mapping[str, int]:
        """By table, the last id that was given, where it is known."""

    @property
    def chain_end(self) -> ChainEnd:
        """The end of the audit trail."""

    def rows(self, name: str) -> Iterable[Values]:
        """The rows of a table, in the order of its key."""

    def fingerprint(self, name: str) -> Fingerprint:
        """The number and checksum of the rows of a table."""


def fill(connection: Connection, source: RowSource) -> None:
    """Make the tables as the source has them, fill and compare them, and bring them up to date.

    All of it happens in the connection's transaction. Refused as `backup_damaged` where the
    tables are not those of that migration, and as `restored_differs` where anything is not as in
    the source.
    """
    schema.upgrade(connection, source.revision)
    filled = _matching(shapes(connection), source.columns)

    with unguarded(connection, filled):
        for shape in filled:
            # migrations plant some rows
            connection.execute(text(f'DELETE FROM "{shape.name}"'))  # noqa: S608 - an own name
            load(connection, shape, source.rows(shape.name))
    set_sequences(connection, source.last_ids)
    for shape in filled:
        if fingerprint(lines_of(connection, shape)) != source.fingerprint(shape.name):
            raise Refused("restored_differs", part=shape.name)

    schema.upgrade(connection)
    search_index.rebuild(connection)
    visit_index.rebuild(connection)
    analyze(connection)
    _check_trail(connection, source.chain_end)


def _matching(
    made: Iterable[TableShape], columns: Mapping[str, tuple[str, ...]]
) -> list[TableShape]:
    """The tables that were made, with their columns in the order of the source."""
    by_name = {shape.name: shape for shape in made}
    if by_name.keys() != columns.keys():
        raise Refused("backup_damaged", part="、".join(sorted(by_name.keys() ^ columns.keys())))
    for name, shape in by_name.items():
        if set(shape.columns) != set(columns[name]):
            raise Refused("backup_damaged", part=name)
    return [TableShape(name, columns[name], shape.key) for name, shape in by_name.items()]


def _check_trail(connection: Connection, end: ChainEnd) -> None:
    with Session(connection) as db:
        if broken := first_break_seen(db):
            raise Refused("audit_broken", part=broken.part, name=broken.name, flaw=broken.flaw)
        found = trail(db)
    if (found.position, found.hash) != (end.position, end.hash):
        raise Refused("restored_differs", part="audit_head")
