"""Filling empty tables with rows as they were, past triggers and foreign keys.

Triggers would refuse rows in this order, or make others. Foreign keys are checked at the end.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice

from sqlalchemy import Connection, text

from crm.backup.tables import TableShape, Values
from crm.base.errors import Refused

ROWS_PER_STATEMENT = 1000
_FOREIGN_KEYS = (
    "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)"
    " FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace"
)
_SEQUENCES = (
    "SELECT c.relname::text, s.oid::regclass::text, a.attname::text FROM pg_class s"
    " JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i')"
    " JOIN pg_class c ON c.oid = d.refobjid"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid"
    " WHERE s.relkind = 'S' AND s.relnamespace = current_schema()::regnamespace"
)


@contextmanager
def unguarded(connection: Connection, shapes: Iterable[TableShape]) -> Iterator[None]:
    """The tables without triggers and foreign keys, which then hold again for all rows."""
    names = [shape.name for shape in shapes]
    is_server = connection.dialect.name == "postgresql"
    with _server_unguarded(connection, names) if is_server else _file_unguarded(connection):
        yield


@contextmanager
def _server_unguarded(connection: Connection, names: Iterable[str]) -> Iterator[None]:
    connection.execute(text("SET LOCAL TimeZone = 'UTC'"))  # in which instants are written
    keys = connection.execute(text(_FOREIGN_KEYS)).all()
    for name in names:
        connection.execute(text(f'ALTER TABLE "{name}" DISABLE TRIGGER USER'))
    for owner, key, _ in keys:
        connection.execute(text(f"ALTER TABLE {owner} DROP CONSTRAINT {key}"))

    yield

    for owner, key, definition in keys:
        connection.execute(text(f"ALTER TABLE {owner} ADD CONSTRAINT {key} {definition}"))
    for name in names:
        connection.execute(text(f'ALTER TABLE "{name}" ENABLE TRIGGER USER'))


@contextmanager
def _file_unguarded(connection: Connection) -> Iterator[None]:
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    triggers = connection.execute(text(query)).all()
    for name, _ in triggers:
        connection.exec_driver_sql(f'DROP TRIGGER "{name}"')

    yield

    for _, definition in triggers:
        connection.exec_driver_sql(definition)
    # the connection was opened without them: SQLite cannot turn them off inside a transaction
    if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise Refused("restored_rows_broken")


def load(connection: Connection, shape: TableShape, rows: Iterable[Values]) -> None:
    """Put the rows into an empty table."""
    names = ", ".join(f'"{name}"' for name in shape.columns)
    if connection.dialect.name == "postgresql":
        _copy(connection, f'COPY "{shape.name}" ({names}) FROM STDIN', rows)
        return
    places = ", ".join("?" * len(shape.columns))
    insert = f'INSERT INTO "{shape.name}" ({names}) VALUES ({places})'  # noqa: S608 - own names
    rows = iter(rows)
    while part := [tuple(row) for row in islice(rows, ROWS_PER_STATEMENT)]:
        connection.exec_driver_sql(insert, part)


def _copy(connection: Connection, statement: str, rows: Iterable[Values]) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - the connection is open
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def analyze(connection: Connection) -> None:
    """Let PostgreSQL look at what filled tables hold, as autovacuum does a minute or two later.

    Until then its plans are guesses, and read whole tables.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("ANALYZE"))


def set_sequences(connection: Connection, last_ids: Mapping[str, int]) -> None:
    """Let new ids follow the largest that was ever given, as far as the source knows it."""
    if connection.dialect.name != "postgresql":
        return
    for name, sequence, key in connection.execute(text(_SEQUENCES)).all():
        largest = connection.scalar(text(f'SELECT max("{key}") FROM "{name}"')) or 0  # noqa: S608 - own names
        last = max(largest, last_ids.get(name, 0))
        query = text("SELECT setval(CAST(:sequence AS regclass), :last, :is_used)")
        values = {"sequence": sequence, "last": max(last, 1), "is_used": last > 0}
        connection.execute(query, values)


def last_ids(connection: Connection) -> dict[str, int]:
    """By table, the last id that PostgreSQL gave; SQLite keeps none."""
    if connection.dialect.name != "postgresql":
        return {}
    found = connection.execute(text(_SEQUENCES)).all()
    used = {
        name: connection.scalar(text(f"SELECT last_value FROM {sequence} WHERE is_called"))  # noqa: S608 - own names
        for name, sequence, _ in found
    }
    return {name: last for name, last in used.items() if last}
