"""What an entry of the audit trail consists of, and the text and hash that chain it to others."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FetchedValue,
    ForeignKey,
    Index,
    LargeBinary,
    cast,
    type_coerce,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import NullType

from crm.base.db import Base


class AuditEntry(Base):
    """One change; entries are only ever added, which triggers see to."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index(None, "subject", "subject_id"),
        Index(None, "at", "id"),
        Index(None, "by_id", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id")
    )  # none: the clock or an import
    action: Mapped[str]
    subject: Mapped[str]
    subject_id: Mapped[int]
    before: Mapped[str | None]  # JSON
    after: Mapped[str | None]  # JSON
    address: Mapped[str | None]  # of the request, or the command
    # By the database's own clock, whatever moment the change was made for: it is kept from then on.
    stored_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())


class AuditLink(Base):
    """The place of an entry in the chain: a hash over it and over the link before."""

    __tablename__ = "audit_link"

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = mapped_column(
        ForeignKey("audit_entry.id", ondelete="CASCADE"), unique=True
    )
    hash: Mapped[str]


class WithheldEntry(Base):
    """An entry whose values are shown to nobody any more: somebody whom they name was erased."""

    __tablename__ = "audit_withheld"

    entry_id: Mapped[int] = mapped_column(
        ForeignKey("audit_entry.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )


class AuditHead(Base):
    """The end of the chain, one row: whoever appends holds it until the commit."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int]
    hash: Mapped[str]


# What the hash covers: each column of an entry (a test compares).
HASHED: tuple[Any, ...] = (
    AuditEntry.id,
    AuditEntry.at,
    AuditEntry.by_id,
    AuditEntry.action,
    AuditEntry.subject,
    AuditEntry.subject_id,
    AuditEntry.before,
    AuditEntry.after,
    AuditEntry.address,
    AuditEntry.stored_at,
)


def as_stored(dialect: str, columns: Sequence[Any]) -> list[ColumnElement[Any]]:
    """The columns as stored: on SQLite their bytes, so that no conversion hides a change."""
    if dialect == "sqlite":
        return [cast(column, LargeBinary).label(column.key) for column in columns]
    return [type_coerce(column, NullType()).label(column.key) for column in columns]


def as_text(value: Any) -> str | None:
    """A stored value as text, alike on both databases; bytes that are no UTF-8 are escaped."""
    match value:
        case None:
            return None
        case bytes():
            return value.decode("utf-8", "surrogateescape")
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        case date():
            return value.isoformat()
    return str(value)


def entry_text(values: Mapping[str, Any]) -> str:
    """Stored values as the one text over which their hash is made."""
    texts = {name: as_text(value) for name, value in values.items() if value is not None}
    return json.dumps(texts, sort_keys=True)


def entry_field(name: str, value: Any) -> str | None:
    """A field of that text; None of a value that is missing."""
    text = as_text(value)
    return None if text is None else f"{json.dumps(name)}: {json.dumps(text)}"


def text_of_fields(fields: Iterable[str | None]) -> str:
    """What `entry_text` makes of an entry with these fields, in the order of their names."""
    return f"{{{', '.join(filter(None, fields))}}}"


def link_hash(previous: str, position: int, text: str) -> str:
    """The hash of a link, over the hash before it, its position and the text of its entry."""
    whole = f"[{json.dumps(previous)}, {position}, {text}]"
    return sha256(whole.encode()).hexdigest()
