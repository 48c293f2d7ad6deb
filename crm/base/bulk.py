"""Many rows inserted at once: converted for the driver early, sent while a lock is held."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, TypeAlias

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.base.db import Base, batches

Row: TypeAlias = tuple[Any, ...]


def new_ids(db: Session, table: type[Base], count: int) -> Sequence[int]:
    """Ids for rows that are inserted many at a time, so that none need be read back.

    On SQLite the transaction must have the write lock.
    """
    row: Any = table
    if db.get_bind().dialect.name == "sqlite":
        first = (db.scalar(select(func.max(row.id))) or 0) + 1
        return range(first, first + count)
    sequence = func.nextval(func.pg_get_serial_sequence(table.__tablename__, "id"))
    return db.scalars(select(sequence).select_from(func.generate_series(1, count))).all()


def convert(
    db: Session, table: type[Base], columns: Sequence[str], rows: Sequence[Row]
) -> list[Row]:
    """The values of these columns as the driver takes them; this needs no transaction."""
    if not rows:
        return []

    dialect, core = db.get_bind().dialect, table.__table__
    converted = []
    for name, values in zip(columns, zip(*rows, strict=True), strict=True):
        convert_value = core.c[name].type.dialect_impl(dialect).bind_processor(dialect)
        converted.append(map(convert_value, values) if convert_value else values)

    return list(zip(*converted, strict=True))


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
