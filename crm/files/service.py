"""Adds files to records; a file is never changed or removed, only superseded (PROJECTS 0)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.db import insert_into
from crm.base.errors import Refused
from crm.base.locks import lock_row
from crm.base.value_class import value_class
from crm.files.checks import check_file
from crm.files.kinds import FileKind
from crm.files.models import Attachment, StoredFile
from crm.files.queries import AnyAttachment, attachments_of
from crm.files.store import FileStore
from crm.people.models import Person

MOST = 20  # files in force of one record


@value_class
class KeptFile:
    """A file whose bytes are checked and stored, to be named by a row."""

    name: str
    kind: FileKind
    size: int
    sha256: str


def keep_file(store: FileStore, *, name: str, content: bytes) -> KeptFile:
    """Check the file and store its bytes, before a transaction names them; refused as `upload_*`.

    It takes up to seconds and touches no database, so it comes before SQLite's write lock.
    """
    checked = check_file(name, content)
    digest = store.keep(checked.content)
    return KeptFile(checked.name, checked.kind, len(checked.content), digest)


def attach(  # noqa: PLR0913 - what, to which record, instead of which, by whom and when
    db: Session,
    table: type[AnyAttachment],
    record_id: int,
    *,
    file: KeptFile,
    by: Person,
    now: datetime,
    supersedes_id: int | None = None,
) -> AnyAttachment:
    """Add a stored file to a record that the person may add to, as the caller has made sure.

    `supersedes_id`: the file of which it is the newer version. Refused as `upload_there`,
    `upload_too_many`, `upload_superseded`.
    """
    # held, so that two who add at once do not pass the limit together
    lock_row(db, table.record, record_id)
    present = attachments_of(db, table, record_id)
    older = _superseded(present, supersedes_id)
    _require_room(present, file, is_newer_version=older is not None)

    added = table(
        record_id=record_id,
        file_id=_stored_id(db, file, now),
        name=file.name,
        added_at=now,
        added_by_id=by.id,
    )
    db.add(added)
    db.flush()
    if older:
        older.superseded_by_id = added.id

    after = {"file": file.name, "size": file.size, "sha256": file.sha256}
    _record(db, added, before={"file": older.name} if older else None, after=after, by=by, now=now)

    return added


def _superseded(present: Sequence[Attachment], attachment_id: int | None) -> Attachment | None:
    if attachment_id is None:
        return None
    found = (row for row in present if row.id == attachment_id and row.superseded_by_id is None)
    older = next(found, None)
    if older is None:
        raise Refused("upload_superseded", field="file")
    return older


def _require_room(present: Sequence[Attachment], file: KeptFile, *, is_newer_version: bool) -> None:
    current = [row for row in present if row.superseded_by_id is None]
    if twin := next((row for row in current if row.file.sha256 == file.sha256), None):
        raise Refused("upload_there", field="file", name=twin.name)
    if len(current) >= MOST and not is_newer_version:
        raise Refused("upload_too_many", field="file", most=MOST)


def _stored_id(db: Session, file: KeptFile, now: datetime) -> int:
    """The row of the bytes, which may be there from another record."""
    values = {"sha256": file.sha256, "kind": file.kind, "size": file.size, "created_at": now}
    new = insert_into(db, StoredFile).values(**values)
    db.execute(new.on_conflict_do_nothing(index_elements=["sha256"]))
    return db.scalars(select(StoredFile.id).where(StoredFile.sha256 == file.sha256)).one()


def _record(  # noqa: PLR0913 - an entry has that many parts
    db: Session,
    added: Attachment,
    *,
    before: dict[str, object] | None,
    after: dict[str, object],
    by: Person,
    now: datetime,
) -> None:
    """Add the entry about the record, so that whoever may read of it reads of its files."""
    subject = db.get_one(added.record, added.record_id)
    action = f"{added.__tablename__.removesuffix('_file')}.file_added"
    record(db, action, subject, by=by, at=now, before=before, after=after)  # type: ignore[arg-type]
