"""Where the bytes of attachments lie: in a folder or in S3, each under its hash.

A file is written before the transaction that names it commits, so that no row points to nothing.
What a transaction that failed leaves behind is harmless and swept later (`crm files sweep`).
"""

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Protocol

from crm.base.errors import Refused
from crm.base.s3_place import S3Place
from crm.files.s3_store import S3Store

_PART, _ASIDE = ".part", ".swept"
_HASH_LENGTH = 64
_log = logging.getLogger(__name__)


class FileStore(Protocol):
    """A place for files that are never changed.

    Where it cannot be used, all raise Refused `files_unavailable`.
    """

    def keep(self, content: bytes) -> str:
        """Store the bytes durably and return their SHA-256; what is there already stays."""

    def open(self, digest: str) -> BinaryIO:
        """The file of that hash; raises FileNotFoundError."""

    def digests(self) -> Iterator[str]:
        """The hashes of all files."""

    def sweep(self, digest: str, *, before: datetime) -> bool:
        """Remove a file that was last stored before that moment; False where it is newer."""

    def tidy(self, *, before: datetime) -> int:
        """Settle what killed processes left half done before that moment; return how much."""


class FolderStore:
    """Files in a folder, which processes and machines may share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, content: bytes) -> str:
        digest = sha256(content).hexdigest()
        with _usable():
            self._keep(self._path(digest), content)
        return digest

    def _keep(self, path: Path, content: bytes) -> None:
        with suppress(FileNotFoundError):
            os.utime(path)  # so that a sweep leaves it alone
            return

        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}{_PART}")
        try:
            _write(part, content)
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)

    def open(self, digest: str) -> BinaryIO:
        with _usable():
            return self._path(digest).open("rb")

    def digests(self) -> Iterator[str]:
        for path in self._folder.glob("??/*"):
            if len(path.name) == _HASH_LENGTH:
                yield path.name

    def sweep(self, digest: str, *, before: datetime) -> bool:
        path = self._path(digest)
        aside = path.with_name(digest + _ASIDE)
        # First out of the way: whoever stores the same bytes from now on writes them anew.
        path.rename(aside)
        if aside.stat().st_mtime >= before.timestamp():
            aside.rename(path)
            return False
        aside.unlink()
        return True

    def tidy(self, *, before: datetime) -> int:
        for aside in self._folder.glob(f"??/*{_ASIDE}"):
            # a row may name it by now, so it returns, and is swept in its turn
            aside.rename(aside.with_suffix(""))
        parts = list(self._folder.glob(f"??/*{_PART}"))
        old = [part for part in parts if part.stat().st_mtime < before.timestamp()]
        for part in old:
            part.unlink()
        return len(old)

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


def store_at(place: Path | S3Place) -> FileStore:
    """The store at the place that the settings name."""
    return FolderStore(place) if isinstance(place, Path) else S3Store(place)


@contextmanager
def _usable() -> Iterator[None]:
    """Refuse as `files_unavailable` where the folder is full or may not be used."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        _log.error("files: %s", error)
        raise Refused("files_unavailable", field="file") from error


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
