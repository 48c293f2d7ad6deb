"""Reads of attachments: those of a record, one of them, how many, and which bytes are in use."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from crm.base.remembered import remembered
from crm.files.kinds import FileKind
from crm.files.models import Attachment, StoredFile

AnyAttachment = TypeVar("AnyAttachment", bound=Attachment)


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file of a record, without the row behind it."""

    id: int
    name: str
    kind: FileKind
    size: int  # bytes
    added_by: str
    added_at: datetime
    superseded_by_id: int | None


def _of_record(table: type[AnyAttachment], record_id: int) -> Select[AnyAttachment]:
    query = select(table).where(table.record_id == record_id)
    return query.options(joinedload(table.file), joinedload(table.added_by))


def attachments_of(
    db: Session, table: type[AnyAttachment], record_id: int
) -> Sequence[AnyAttachment]:
    """The files of a record with what superseded versions it has, in the order of their adding."""
    return db.scalars(_of_record(table, record_id).order_by(table.id)).all()


def listed_files(db: Session, table: type[Attachment], record_id: int) -> list[ListedFile]:
    """The same as plain values; most records have none, and their pages are opened often."""

    def read() -> list[ListedFile]:
        return [_listed(row) for row in attachments_of(db, table, record_id)]

    return remembered(db, table.__tablename__, record_id, read=read)


def _listed(row: Attachment) -> ListedFile:
    file, author = row.file, row.added_by.name
    return ListedFile(
        *(row.id, row.name, file.kind, file.size, author, row.added_at, row.superseded_by_id)
    )


def attachment_of(
    db: Session, table: type[AnyAttachment], record_id: int, attachment_id: int
) -> AnyAttachment | None:
    """One file of the record."""
    return db.scalar(_of_record(table, record_id).where(table.id == attachment_id))


def counts_of(
    db: Session, table: type[AnyAttachment], record_ids: Collection[int]
) -> dict[int, int]:
    """By record, how many files it has; superseded ones are left out."""
    if not record_ids:
        return {}
    query = (
        select(table.record_id, func.count())
        .where(table.record_id.in_(record_ids), table.superseded_by_id.is_(None))
        .group_by(table.record_id)
    )
    return dict(db.execute(query).all())


def stored_digests(db: Session) -> dict[str, int]:
    """The hash and size of all files that rows name."""
    return dict(db.execute(select(StoredFile.sha256, StoredFile.size)).all())
