"""Reads of attachments: those of a record, one of them, how many, and which bytes are in use."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TypeAlias, TypeVar

from sqlalchemy import Select, func, literal, select, union_all
from sqlalchemy.orm import Session, joinedload

from crm.base.db import batches
from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.files.kinds import FileKind
from crm.files.models import Attachment, StoredFile

AnyAttachment = TypeVar("AnyAttachment", bound=Attachment)
Owner: TypeAlias = tuple[type[Attachment], int]  # the link table and the id of the record


@value_class
class ListedFile:
    """A file of a record, without the row behind it."""

    id: int
    name: str
    kind: FileKind
    size: int  # bytes
    added_by: str
    added_at: datetime
    superseded_by_id: int | None


@value_class
class NamedFile:
    """A file in force of a record among others."""

    id: int
    name: str
    added_at: datetime


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
    query = (
        select(table.record_id, func.count())
        .where(table.superseded_by_id.is_(None))
        .group_by(table.record_id)
    )
    counts: dict[int, int] = {}
    for part in batches(list(record_ids)):
        counts |= dict(db.execute(query.where(table.record_id.in_(part))).all())
    return counts


def files_in_force(db: Session, owners: Iterable[Owner]) -> dict[Owner, list[NamedFile]]:
    """The files of records of several kinds in one query; superseded ones are left out."""
    ids: dict[type[Attachment], set[int]] = {}
    for table, record_id in owners:
        ids.setdefault(table, set()).add(record_id)
    if not ids:
        return {}

    parts = [
        select(
            literal(place).label("place"), table.record_id, table.added_at, table.id, table.name
        ).where(table.record_id.in_(ids[table]), table.superseded_by_id.is_(None))
        for place, table in enumerate(ids)
    ]
    tables, found = list(ids), dict[Owner, list[NamedFile]]()
    for row in db.execute(union_all(*parts).order_by("added_at", "id")):
        owner = tables[row.place], row.record_id
        found.setdefault(owner, []).append(NamedFile(row.id, row.name, row.added_at))
    return found


def stored_digests(db: Session) -> dict[str, int]:
    """The hash and size of all files that rows name."""
    return dict(db.execute(select(StoredFile.sha256, StoredFile.size)).all())
