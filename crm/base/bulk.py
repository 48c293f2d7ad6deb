"""Many rows inserted at once: converted for the driver early, sent while a lock is held."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Integer, Select, column, func, select
from sqlalchemy import table as stored_table
from sqlalchemy.orm import Session

from crm.base.db import Base, batches

Row: TypeAlias = tuple[Any, ...]


class Converted(NamedTuple):
    """Rows as the driver takes them, in the columns that any of them fills."""

    columns: Sequence[str]
    rows: Sequence[Row]


def new_ids(db: Session, table: type[Base], count: int) -> Sequence[int]:
    """Ids for rows that are inserted many at a time, so that none need be read back.

    On SQLite the transaction must have the write lock.
    """
    if db.get_bind().dialect.name == "sqlite":
        first = (db.scalar(_highest_id(table.__tablename__)) or 0) + 1
        return range(first, first + count)
    sequence = func.nextval(func.pg_get_serial_sequence(table.__tablename__, "id"))
    return db.scalars(select(sequence).select_from(func.generate_series(1, count))).all()


@cache
def _highest_id(name: str) -> Select[int]:
    """The highest id, of a row that is hidden, too."""
    rows = stored_table(name, column("id", Integer))
    return select(func.max(rows.c.id))


def convert(db: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> Converted:
    """Values as the driver takes them; this needs no transaction."""
    dialect, core = db.get_bind().dialect, table.__table__
    converted: list[Iterable[Any]] = []
    # NULL is what an absent column gets, and the driver takes long over each None
    columns = [
        name for name in (rows[0] if rows else ()) if any(row[name] is not None for row in rows)
    ]

    for name in columns:
        values: Iterable[Any] = [row[name] for row in rows]
        convert_value = core.c[name].type.dialect_impl(dialect).bind_processor(dialect)
        if convert_value:
            # most values recur
            found = {value: convert_value(value) for value in set(values)}
            values = map(found.__getitem__, values)
        converted.append(values)

    return Converted(columns, list(zip(*converted, strict=True)))


def insert_converted(
    db: Session, table: type[Base], columns: Sequence[str], rows: Sequence[Row]
) -> None:
    """Insert rows of converted values, with no work for each but the driver's.

    Many go into one statement: SQLite sets up the lists of CHECK constraints once for each.
    """
    dialect = db.get_bind().dialect
    quote = dialect.identifier_preparer.quote
    names = ", ".join(map(quote, columns))
    mark = "?" if dialect.name == "sqlite" else "%s"
    place = f"({', '.join([mark] * len(columns))})"

    for part in batches(rows):
        places = ", ".join([place] * len(part))
        statement = f"INSERT INTO {quote(table.__tablename__)} ({names}) VALUES {places}"  # noqa: S608 - names of our own
        db.connection().exec_driver_sql(statement, tuple(chain.from_iterable(part)))
