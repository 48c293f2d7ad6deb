"""Whether all stored files are there and whole, and the removal of those that no row names."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy.orm import Session

from crm.base.enums import LabeledEnum
from crm.files.queries import stored_digests
from crm.files.store import FileStore

# An upload stores its file minutes at most before the row that names it.
SWEPT_AFTER = timedelta(days=7)
_CHUNK = 1024 * 1024


class Flaw(LabeledEnum):
    """What is wrong with a stored file."""

    MISSING = "missing", "缺失"
    DAMAGED = "damaged", "内容已变"


def flaws(db: Session, store: FileStore) -> Iterator[tuple[str, Flaw]]:
    """The hashes of files that are not there, or not as they were stored."""
    for digest in sorted(stored_digests(db)):
        try:
            if _digest_of(store, digest) != digest:
                yield digest, Flaw.DAMAGED
        except FileNotFoundError:
            yield digest, Flaw.MISSING


def _digest_of(store: FileStore, digest: str) -> str:
    found = sha256()
    with store.open(digest) as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def sweep(db: Session, store: FileStore, *, now: datetime) -> int:
    """Remove files that no row has named for a week; return how many."""
    before = now - SWEPT_AFTER
    unfinished = store.tidy(before=before)
    named = stored_digests(db)
    unnamed = [digest for digest in store.digests() if digest not in named]
    return unfinished + sum(store.sweep(digest, before=before) for digest in unnamed)
