"""What refers to a record, by the foreign keys of all tables: a table that comes later, too."""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Column, Table, select
from sqlalchemy.orm import Session

from crm.base.db import Base


def references_to(target: type[Base]) -> Iterator[tuple[Table, Column[Any]]]:
    """Every column of every table that refers to the record's table."""
    name = target.__tablename__
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if any(key.column.table.name == name for key in column.foreign_keys):
                yield table, column


def used_by(
    db: Session, target: type[Base], row_id: int, *, but: Collection[str] = ()
) -> str | None:
    """A table other than `but` that has a row which refers to the record; None: no table has."""
    for table, column in references_to(target):
        if table.name in but:
            continue
        if db.execute(select(1).select_from(table).where(column == row_id).limit(1)).first():
            return table.name
    return None
