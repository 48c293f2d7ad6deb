"""The audit trail: who changed what, when, from what to what."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, Session, mapped_column

from crm.base.db import Base


class HasId(Protocol):
    """A row that an entry can be about, or by."""

    @property
    def id(self) -> int:
        """The row's key."""


class AuditEntry(Base):
    """One change; entries are only ever added."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "subject", "subject_id"),)

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


def _as_json(values: Mapping[str, object] | None) -> str | None:
    if values is None:
        return None
    return json.dumps(values, ensure_ascii=False, sort_keys=True, default=str)


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
    """Add the entry of a change, in its transaction; flushes first, so that new rows have ids."""
    db.flush()
    table: Any = type(subject)
    db.add(
        AuditEntry(
            at=at,
            by_id=by.id if by else None,
            action=action,
            subject=table.__tablename__,
            subject_id=subject.id,
            before=_as_json(before),
            after=_as_json(after),
        )
    )


def changes(
    row: object, values: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, object]]:
    """Set the values on the row; what of it was before and is after, only where they differ."""
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    for name, value in values.items():
        if (old := getattr(row, name)) != value:
            before[name], after[name] = old, value
            setattr(row, name, value)
    return before, after
