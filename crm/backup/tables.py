"""Tables as lines of JSON, alike on both databases, so that each can be restored to the other.

A line is a row; its values are what SQLite stores: text for instants and dates, 0 and 1 for
Booleans. The checksum of a table is over its lines in the order of its key.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time
from hashlib import sha256
from typing import Any, TypeAlias

from sqlalchemy import Column, Connection, Select, String, column, inspect, select, table

from crm.base.audit_entries import as_text
from crm.base.value_class import value_class
from crm.leads import search_index
from crm.visits import search_index as visit_index

Values: TypeAlias = Sequence[Any]

ROWS_PER_FETCH = 1000
VERSIONS = "alembic_version"
INDEXES = (*search_index.NAMES, *visit_index.NAMES)  # made anew from what they index
BINARY = "C"  # the collation of PostgreSQL that sorts as SQLite does


@value_class
class TableShape:
    """A table's name, its columns, and the key by which its rows are sorted."""

    name: str
    columns: tuple[str, ...]
    key: tuple[Column[Any], ...]


@value_class
class Fingerprint:
    """What tells whether two tables hold the same."""

    rows: int
    sha256: str


def shapes(connection: Connection) -> list[TableShape]:
    """All tables of the application, by name, as the database has them."""
    schema = inspect(connection)
    names = [name for name in sorted(schema.get_table_names()) if not _is_derived(name)]
    return [_shape(schema, name) for name in names]


def _is_derived(name: str) -> bool:
    return name == VERSIONS or name.startswith(INDEXES)


def _shape(schema: Any, name: str) -> TableShape:
    found = {each["name"]: each["type"] for each in schema.get_columns(name)}
    key = schema.get_pk_constraint(name)["constrained_columns"]
    return TableShape(name, tuple(found), tuple(Column(part, found[part]) for part in key))


def lines_of(connection: Connection, shape: TableShape) -> Iterator[bytes]:
    """The rows of a table as lines, in the order of its key."""
    query = _query(connection.dialect.name, shape)
    with connection.execute(query.execution_options(yield_per=ROWS_PER_FETCH)) as rows:
        for row in rows:
            yield line_of(row)


def _query(dialect: str, shape: TableShape) -> Select[Any]:
    # columns without types: values come as the driver reads them, and nothing hides what is stored
    columns: list[Any] = [column(name) for name in shape.columns]
    order: list[Any] = [
        part.collate(BINARY) if dialect == "postgresql" and isinstance(part.type, String) else part
        for part in (column(own.name, own.type) for own in shape.key)
    ]
    return select(*columns).select_from(table(shape.name)).order_by(*order)


def line_of(row: Iterable[Any]) -> bytes:
    """A row as a line of JSON."""
    values = [_stored(value) for value in row]
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), default=_bytes_as_json)
    return f"{text}\n".encode()


def _stored(value: Any) -> Any:
    match value:
        case bool():
            return int(value)
        case date():  # an instant, too
            return as_text(value)
        case time():
            return value.strftime("%H:%M:%S.%f")
    return value


def _bytes_as_json(value: Any) -> dict[str, str]:
    return {"base64": b64encode(bytes(value)).decode()}


def row_of(line: bytes) -> Values:
    """The values of a line; ValueError where it is none."""
    values: Values = json.loads(line, object_hook=_bytes_of)
    return values


def _bytes_of(found: dict[str, str]) -> bytes:
    return b64decode(found["base64"])


def fingerprint(lines: Iterable[bytes]) -> Fingerprint:
    """The number of lines and the checksum over them."""
    digest, count = sha256(), 0
    for line in lines:
        digest.update(line)
        count += 1
    return Fingerprint(count, digest.hexdigest())
