"""Merges of companies, contacts and leads: what became of a record that is no more (PROJECTS 6).

Here stands what those who look for an old reference or address need; `crm/reassignment` merges.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Select,
    Text,
    event,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from crm.base.db import Base, enum_column
from crm.base.enums import LabeledEnum
from crm.leads.models import Company, Contact, Lead

_STANDS = text("undone_at IS NULL")


class Mergeable(LabeledEnum):
    """What can be merged, by the name of its table."""

    COMPANY = "company", "企业"
    CONTACT = "contact", "联系人"
    LEAD = "lead", "线索"


class Merge(Base):
    """Two records that became one, with all that is needed to take it back."""

    __tablename__ = "merge"
    __table_args__ = (
        # of two merges of one record at once the database refuses the second
        Index(
            "uq_merge_standing",
            *("subject", "merged_id"),
            unique=True,
            sqlite_where=_STANDS,
            postgresql_where=_STANDS,
        ),
        Index(None, "subject", "survivor_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[Mergeable] = mapped_column(enum_column(Mergeable, "subject"))
    survivor_id: Mapped[int]
    merged_id: Mapped[int]
    merged_ref: Mapped[str | None] = mapped_column(index=True)  # of a lead
    merged_name: Mapped[str]
    journal: Mapped[str] = mapped_column(Text)  # JSON of `crm/reassignment/merge_journal.py`
    merged_at: Mapped[datetime]
    merged_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


def standing_merges(subject: Mergeable) -> tuple[ColumnElement[bool], ...]:
    """The merges of that kind which were not undone."""
    return Merge.subject == subject, Merge.undone_at.is_(None)


def survivor_of(db: Session, subject: Mergeable, merged_id: int) -> int | None:
    """The id of the record into which that one was merged; none where it was not."""
    return db.scalar(
        select(Merge.survivor_id).where(*standing_merges(subject), Merge.merged_id == merged_id)
    )


def merged_refs() -> Select[str, int]:
    """The references of merged leads, each with the lead that it leads to."""
    ref = func.coalesce(Merge.merged_ref, "")  # every lead has one
    return select(ref, Merge.survivor_id).where(*standing_merges(Mergeable.LEAD))


def merged_as(condition: ColumnElement[bool]) -> Select[int]:
    """Ids of the leads into which others of such references were merged."""
    return merged_refs().with_only_columns(Merge.survivor_id).where(condition)


def _skip_merged_ids(_mapper: Any, connection: Connection, row: Company | Contact | Lead) -> None:
    """Give no new record the id of a merged one: its address leads elsewhere, and it may return."""
    # PostgreSQL never gives an id twice; SQLite does, where the highest row is gone
    if connection.dialect.name != "sqlite" or row.id is not None:
        return

    table = type(row)
    merged = select(func.max(Merge.merged_id)).where(Merge.subject == table.__tablename__)
    if highest_merged := connection.scalar(merged):
        highest = connection.scalar(select(func.max(table.id))) or 0
        if highest < highest_merged:
            row.id = highest_merged + 1


for _record in (Company, Contact, Lead):
    event.listen(_record, "before_insert", _skip_merged_ids)
