"""A record's rows moved to another record, with a journal by which it is all taken back.

Whatever refers to the record is found by the foreign keys of all tables, so that a table that comes
later moves, too. Statements go past the session: the rows have no history of their own.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from sqlalchemy import (
    Column,
    Executable,
    Table,
    UniqueConstraint,
    and_,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.db import Base, is_conflict
from crm.base.errors import Refused
from crm.base.references import references_to
from crm.leads.merged import Mergeable, survivor_of

Row: TypeAlias = dict[str, Any]
SET, GONE, NEW = "set", "gone", "new"  # kinds of steps


@dataclass(slots=True)
class Journal:
    """The steps of a merge in their order, and the rows that the survivor had before it."""

    steps: list[list[Any]] = field(default_factory=list)
    own: dict[str, list[Row]] = field(default_factory=dict)  # keys by column, as `lead_id of …`
    crossed_out: list[Row] = field(default_factory=list)  # milestones of which another holds

    def set(self, db: Session, table: Table, key: Row, values: Row) -> None:
        """Set these columns of a row."""
        row = row_of(db, table, key)
        if row is None:
            return
        before = {name: row[name] for name in values if row[name] != values[name]}
        if not before:
            return
        after = {name: values[name] for name in before}
        db.connection().execute(update(table).where(_is(table, key)).values(after))
        self.steps.append([SET, table.name, key, before, after])

    def remove(self, db: Session, table: Table, key: Row) -> Row:
        """Take a row away; it returns when the merge is undone."""
        row = row_of(db, table, key)
        if row is None:
            return {}
        db.connection().execute(delete(table).where(_is(table, key)))
        self.steps.append([GONE, table.name, row])
        return row

    def add(self, db: Session, table: Table, values: Row) -> None:
        """Add a row; it goes when the merge is undone."""
        key = db.connection().execute(insert(table).values(values)).inserted_primary_key
        names = [column.name for column in table.primary_key]
        self.steps.append([NEW, table.name, dict(zip(names, key or (), strict=True))])

    def undo(self, db: Session) -> list[tuple[Table, Row]]:
        """Take the steps back, the last first; what was changed since stays as it is.

        Returns the rows whose place another row has taken since. Refused as `name_taken_since`
        where it is the record itself.
        """
        barred = []
        for kind, name, *rest in reversed(self.steps):
            table = Base.metadata.tables[name]
            if kind == SET:
                _set_back(db, table, *rest)
            elif kind == NEW:
                db.connection().execute(delete(table).where(_is(table, rest[0])))
            elif not put_back(db, table, rest[0]):
                if name in set(Mergeable):
                    raise Refused("name_taken_since", name=rest[0].get("name"))
                barred.append((table, rest[0]))
        return barred

    def has_set(self, table: str, key: Row) -> bool:
        """Whether the merge has changed that row."""
        return any(step[:3] == [SET, table, key] for step in self.steps)

    def moved_keys(self) -> dict[str, list[Row]]:
        """By table, the keys of the rows that were set or added."""
        keys: dict[str, list[Row]] = {}
        for kind, name, key, *_ in self.steps:
            if kind != GONE:
                keys.setdefault(name, []).append(key)
        return keys

    def as_json(self) -> str:
        parts = {"steps": self.steps, "own": self.own, "crossed_out": self.crossed_out}
        return json.dumps(parts, ensure_ascii=False, default=_encoded)

    @classmethod
    def read(cls, text: str) -> "Journal":
        return cls(**json.loads(text, object_hook=_decoded))


def keys_of(db: Session, table: Table, column: Column[Any], record_id: int) -> list[Row]:
    """The primary keys of the rows that refer to the record."""
    names = [part.name for part in table.primary_key]
    query = select(*(table.c[name] for name in names)).where(column == record_id)
    rows = db.connection().execute(query.order_by(*table.primary_key))
    return [dict(row) for row in rows.mappings()]


def rows_of(db: Session, table: Table, column: Column[Any], record_id: int) -> list[Row]:
    """The rows that refer to the record, in one read: another may go before it is read alone."""
    query = select(table).where(column == record_id).order_by(*table.primary_key)
    return [dict(row) for row in db.connection().execute(query).mappings()]


def key_of(table: Table, row: Row) -> Row:
    """The primary key of a row."""
    return {column.name: row[column.name] for column in table.primary_key}


def row_of(db: Session, table: Table, key: Row) -> Row | None:
    """The row as it stands."""
    row = db.connection().execute(select(table).where(_is(table, key))).mappings().one_or_none()
    return dict(row) if row else None


def move_all(db: Session, journal: Journal, target: type[Base], *, old: int, new: int) -> None:
    """Point whatever refers to one record to the other.

    Of two rows that may not stand side by side the survivor's holds, and the other is set aside.
    """
    for table, column in references_to(target):
        own = f"{column.name} of {table.name}"
        journal.own[own] = keys_of(db, table, column, new)
        for row in rows_of(db, table, column, old):
            key = key_of(table, row)
            if _clashes(db, table, row | {column.name: new}, key):
                journal.remove(db, table, key)
            elif table.name == target.__tablename__ and key == {"id": new}:
                journal.set(db, table, key, {column.name: None})  # nothing comes before itself
            else:
                _move(db, journal, table, key, {column.name: new})


def point_to(db: Session, table: Table, column: str, key: Row, record_id: int) -> None:
    """Let a row refer to that record, unless another row does so already."""
    row = row_of(db, table, key)
    if row is not None and not _clashes(db, table, row | {column: record_id}, key):
        statement = update(table).where(_is(table, key)).values({column: record_id})
        db.connection().execute(statement)


def _move(db: Session, journal: Journal, table: Table, key: Row, values: Row) -> None:
    if key.keys() & values.keys():  # a link, whose key changes: it is made anew
        row = journal.remove(db, table, key)
        journal.add(db, table, row | values)
    else:
        journal.set(db, table, key, values)


def _clashes(db: Session, table: Table, row: Row, key: Row) -> bool:
    """Whether another row than that of the key has the unique values of `row` already."""
    for names, condition in _unique_columns(table):
        if any(row[name] is None for name in names):
            continue
        same = and_(*(table.c[name] == row[name] for name in names), ~_is(table, key))
        if condition is not None:  # of a partial index, which may not hold this row
            itself = select(1).select_from(table).where(_is(table, key), condition)
            if db.connection().scalar(itself) is None:
                continue
            same = and_(same, condition)
        if db.connection().scalar(select(1).select_from(table).where(same).limit(1)) is not None:
            return True
    return False


def _unique_columns(table: Table) -> Iterator[tuple[list[str], Any]]:
    """The sets of columns that are unique, with the condition of a partial index."""
    primary = [column.name for column in table.primary_key]
    if primary != ["id"]:
        yield primary, None
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield [column.name for column in constraint.columns], None
    for index in table.indexes:
        if index.unique:
            where = index.dialect_options["sqlite"].get("where")
            yield [column.name for column in index.columns], where


def _is(table: Table, key: Mapping[str, Any]) -> Any:
    return and_(*(table.c[name] == value for name, value in key.items()))


def _set_back(db: Session, table: Table, key: Row, before: Row, after: Row) -> None:
    row = row_of(db, table, key)
    if row is None:  # taken away since
        return
    values = {name: before[name] for name in before if _same(row[name], after[name])}
    values = _still_there(db, table, values)
    if values and not _clashes(db, table, row | values, key):
        db.connection().execute(update(table).where(_is(table, key)).values(values))


def put_back(db: Session, table: Table, row: Row) -> bool:
    """Insert a row that was taken away; whether its place is still free."""
    key = key_of(table, row)
    if row_of(db, table, key) is not None:
        if list(key) != ["id"]:
            return True  # linked again since
        row = {name: value for name, value in row.items() if name != "id"}
    return _is_made(db, insert(table).values(_still_there(db, table, row)))


def hold_again(db: Session, table: Table, key: Row) -> None:
    """Let a replaced row hold again, unless another has taken its place."""
    _is_made(db, update(table).where(_is(table, key)).values(replaced_at=None))


def _is_made(db: Session, statement: Executable) -> bool:
    """Whether no other row stood in the way; the database decides."""
    try:
        with db.begin_nested():
            db.connection().execute(statement)
    except IntegrityError as error:
        if not is_conflict(error):
            raise
        return False
    return True


def _still_there(db: Session, table: Table, values: Row) -> Row:
    """The values, with references to records that were merged since led to their survivors."""
    found = dict(values)
    for name in values:
        for key in table.columns[name].foreign_keys:
            target = key.column.table
            if target.name not in set(Mergeable) or values[name] is None:
                continue
            if row_of(db, target, {"id": values[name]}) is None:
                found[name] = survivor_of(db, Mergeable(target.name), values[name])
    return found


def _same(stored: object, kept: object) -> bool:
    return stored == kept or str(stored) == str(kept)


def _encoded(value: object) -> Any:
    match value:
        case datetime():
            return {"moment": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case Decimal():
            return {"decimal": str(value)}
    raise TypeError(value)


def _decoded(parts: dict[str, Any]) -> Any:
    match parts:
        case {"moment": text}:
            return datetime.fromisoformat(text)
        case {"date": text} if len(parts) == 1 and len(str(text)) == 10:  # noqa: PLR2004 - ISO
            return date.fromisoformat(text)
        case {"decimal": text}:
            return Decimal(text)
    return parts
