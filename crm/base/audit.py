"""The audit trail: who changed what, when, from where, from what to what.

An entry is written with its change; `audit_chain` links it right before the commit. The trail only
records: no business fact is read from it, except what a visit was before the step that its author
undoes right away.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any, NamedTuple, Protocol

from sqlalchemy import (
    event,
    insert,
    select,
)
from sqlalchemy.orm import Session

from crm.base.audit_chain import note_made
from crm.base.audit_entries import (
    AuditEntry,
    as_text,
    entry_field,
    entry_text,
    text_of_fields,
)
from crm.base.bulk import Converted, convert, insert_converted, new_ids
from crm.base.db import Base, database_now

LATEST = "audit_latest"  # the subject and `Step` of the last entry made, also once it is committed

_source: ContextVar[str | None] = ContextVar("source", default=None)
_device_at: ContextVar[datetime | None] = ContextVar("device_at", default=None)


class HasId(Protocol):
    """A row that an entry can be about, or by."""

    @property
    def id(self) -> int:
        """The row's key."""


class Step(NamedTuple):
    """An entry that was made: by whom (None: the clock or an import), what and when."""

    id: int
    by_id: int | None
    action: str
    at: datetime


class Created(NamedTuple):
    """A row of a table that is new, or one of many changed alike: by whom, and its values."""

    by_id: int | None  # none: the clock or an import
    after: Mapping[str, object]
    before: Mapping[str, object] | None = None  # of a changed one


# Of tables, not classes: with those an ORM session does as much again for each statement.
_ENTRIES = AuditEntry.__table__
_ADD_ENTRY = insert(_ENTRIES).returning(_ENTRIES.c.id, _ENTRIES.c.stored_at)  # type: ignore[arg-type] # a table, typed as what it is selected from
LATER = ("id", "stored_at", "subject_id")  # known only as new rows are inserted
_AS_JSON = json.JSONEncoder(ensure_ascii=False, sort_keys=True, default=str)


@dataclass(frozen=True, slots=True)
class PreparedEntry:
    """An entry that is ready but for `LATER`: its values, and as text what is to be stored."""

    values: Mapping[str, Any]
    texts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CreatedEntries:
    """The entries of new rows, ready but for what is known only as they are inserted."""

    converted: Converted
    texts: Sequence[str]  # as of `entry_text`, with a named place for each column of `LATER`

    def part(self, which: slice) -> "CreatedEntries":
        """The entries of some of the rows."""
        columns, rows = self.converted
        return CreatedEntries(Converted(columns, rows[which]), self.texts[which])


def come_from(source: str | None) -> None:
    """Set where the changes of this request come from; None: unknown."""
    _source.set(source)


def come_late(device_at: datetime | None) -> None:
    """Set when the changes of this request were typed, by the device's clock; None: just now."""
    _device_at.set(device_at)


@contextmanager
def coming_from(source: str) -> Iterator[None]:
    """Set where the changes made in this block come from."""
    before = _source.set(source)
    try:
        yield
    finally:
        _source.reset(before)


def _as_json(values: Mapping[str, object] | None) -> str | None:
    if values is None:
        return None
    return _AS_JSON.encode(values)


def record(  # noqa: PLR0913 - an entry has that many parts
    db: Session,
    action: str,
    subject: HasId,
    *,
    by: HasId | None,
    at: datetime,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Add the entry of a change; flushes first, so that new rows have ids."""
    db.flush()
    entry = prepare(db, action, type(subject), by=by, at=at, before=before, after=after)
    record_prepared(db, entry, subject.id)


def prepare(  # noqa: PLR0913 - as `record`
    db: Session,
    action: str,
    table: Any,
    *,
    by: HasId | None,
    at: datetime,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> PreparedEntry:
    """Prepare the entry of a row of the table, before a lock is taken to write both."""
    if device_at := _device_at.get():  # kept for show
        after = {**(after or {}), "device_at": device_at}

    values = {
        "at": at,
        "by_id": by.id if by else None,
        "action": action,
        "subject": table.__tablename__,
        "before": _as_json(before),
        "after": _as_json(after),
        "address": _source.get(),
    }
    converted = convert(db, AuditEntry, [values])
    [row] = converted.rows
    texts = dict(zip(converted.columns, map(as_text, row), strict=True))
    return PreparedEntry(values, texts)


def record_prepared(db: Session, entry: PreparedEntry, subject_id: int) -> None:
    """Add the entry about the row of that id."""
    values = {**entry.values, "subject_id": subject_id}
    entry_id, stored_at = db.execute(_ADD_ENTRY, values).one()
    later = {"id": entry_id, "stored_at": stored_at, "subject_id": subject_id}
    note_made(db, {entry_id: entry_text(entry.texts | later)})
    step = Step(entry_id, values["by_id"], values["action"], values["at"])
    db.info[LATEST] = (values["subject"], subject_id), step


def latest_step(db: Session, subject: HasId) -> Step | None:
    """The last entry that this session has made, where it is about the row."""
    table: Any = type(subject)
    about, step = db.info.get(LATEST, (None, None))
    return step if about == (table.__tablename__, subject.id) else None


def prepare_created(
    db: Session, action: str, table: type[Base], rows: Sequence[Created], *, at: datetime
) -> CreatedEntries:
    """Prepare the entries of many new or changed rows, before a lock is taken to write them."""
    of_all = {
        "at": at,
        "action": action,
        "subject": table.__tablename__,
        "address": _source.get(),
    }
    values = [
        of_all
        | {
            "by_id": row.by_id,
            "before": _as_json(row.before),
            "after": _as_json(row.after),
        }
        for row in rows
    ]

    converted = convert(db, AuditEntry, values)
    return CreatedEntries(converted, _texts_with_places(converted))


def _texts_with_places(entries: Converted) -> list[str]:
    """The text of each entry, put together of fields that are made once for equal values."""
    if not entries.rows:
        return []
    fields: dict[str, Iterable[str | None]] = {
        name: repeat(entry_field(name, f"%({name})s")) for name in LATER
    }
    for name, values in zip(entries.columns, zip(*entries.rows, strict=True), strict=True):
        found = {value: _escaped(entry_field(name, value)) for value in set(values)}
        fields[name] = map(found.__getitem__, values)

    in_order = zip(*(fields[name] for name in sorted(fields)), strict=False)
    return [*map(text_of_fields, in_order)]


def _escaped(field: str | None) -> str | None:
    return field and field.replace("%", "%%")


def record_created(
    db: Session, entries: CreatedEntries, subject_ids: Sequence[int]
) -> Sequence[int]:
    """Add prepared entries in few statements, each about the row of that id; returns theirs."""
    columns, converted = entries.converted
    ids = new_ids(db, AuditEntry, len(converted))
    now = db.scalar(select(database_now(db)))
    [(stored_at,)] = convert(db, AuditEntry, [{"stored_at": now}]).rows

    later = [
        (entry_id, stored_at, subject_id)
        for entry_id, subject_id in zip(ids, subject_ids, strict=True)
    ]
    rows = [(*own, *row) for own, row in zip(later, converted, strict=True)]
    insert_converted(db, AuditEntry, (*LATER, *columns), rows)

    stored = as_text(stored_at)
    filled = (
        text % {"id": entry_id, "stored_at": stored, "subject_id": subject_id}
        for text, entry_id, subject_id in zip(entries.texts, ids, subject_ids, strict=True)
    )
    note_made(db, dict(zip(ids, filled, strict=True)))
    return ids


def changes(
    row: object, values: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, object]]:
    """Set the values on the row; return what they were and are, where they differ."""
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    for name, value in values.items():
        if (old := getattr(row, name)) != value:
            before[name], after[name] = old, value
            setattr(row, name, value)
    return before, after


@event.listens_for(Session, "after_rollback")
def _forget_step(db: Session) -> None:
    db.info.pop(LATEST, None)
