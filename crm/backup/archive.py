"""The file of a backup: a zip with a manifest, a member for each table, and the attachments.

It is written under another name and renamed when it is whole. Whatever is wrong with a file that
is read ends as `backup_damaged`.
"""

import os
import secrets
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from struct import error as StructError  # noqa: N812 - an exception
from typing import IO, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from pydantic import ValidationError

from crm.backup.manifest import FORMAT, Manifest, TablePart
from crm.backup.tables import Fingerprint, Values, fingerprint, row_of
from crm.base.errors import Refused

MANIFEST = "manifest.json"
CHUNK = 1024 * 1024
LARGEST_MANIFEST = 256 * CHUNK
# What zipfile raises on a file that was cut or changed, besides its own exceptions.
_DAMAGES = (
    *(BadZipFile, LargeZipFile, zlib.error, StructError, EOFError, KeyError, ValueError),
    *(NotImplementedError, RuntimeError, OverflowError, MemoryError),
)


class ArchiveWriter:
    """A backup that is being written."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = ZipFile(file, "w", ZIP_DEFLATED, compresslevel=3)

    def add_table(self, name: str, lines: Iterable[bytes]) -> Fingerprint:
        """Write the lines of a table; what they are."""
        with self._zip.open(
            _member(f"tables/{name}.jsonl", ZIP_DEFLATED), "w", force_zip64=True
        ) as member:
            return fingerprint(_written(lines, member))

    def add_file(self, digest: str, content: BinaryIO) -> int | None:
        """Write an attachment; its size, or None where it is not what its hash says."""
        found, size = sha256(), 0
        with self._zip.open(_member(_file(digest), ZIP_STORED), "w", force_zip64=True) as member:
            while chunk := content.read(CHUNK):
                found.update(chunk)
                size += len(chunk)
                member.write(chunk)
        return size if found.hexdigest() == digest else None

    def close(self, manifest: Manifest) -> None:
        """Write the manifest and the end."""
        self._zip.writestr(_member(MANIFEST, ZIP_DEFLATED), manifest.model_dump_json(indent=1))
        self._zip.close()

    def abandon(self) -> None:
        """Leave it unfinished: the zip would else write its end when it is collected."""
        self._zip.fp = None


def _member(name: str, compression: int) -> ZipInfo:
    member = ZipInfo(name)  # dated 1980: the manifest says when
    member.compress_type = compression
    member.external_attr = 0o600 << 16
    return member


def _written(lines: Iterable[bytes], member: IO[bytes]) -> Iterator[bytes]:
    for line in lines:
        member.write(line)
        yield line


@contextmanager
def writing_archive(path: Path) -> Iterator[ArchiveWriter]:
    """Write a file that only its owner may read, which is there when it is whole.

    Refused as `backup_exists`, `backup_not_written`.
    """
    if path.exists():
        raise Refused("backup_exists", file=path)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            writer = ArchiveWriter(file)
            try:
                yield writer
            except BaseException:
                writer.abandon()
                raise
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as error:
        raise Refused("backup_not_written", file=path, why=error.strerror) from error
    finally:
        part.unlink(missing_ok=True)


@dataclass(frozen=True)
class Archive:
    """A backup that is read; its parts are checked as they are read."""

    manifest: Manifest
    _zip: ZipFile

    def rows(self, name: str) -> Iterator[Values]:
        """The rows of a table."""
        for line in self._lines(name):
            yield row_of(line)

    def content(self, digest: str) -> bytes:
        """An attachment; refused as `backup_damaged` where it is not what its hash says."""
        content = self._zip.read(_file(digest))
        if sha256(content).hexdigest() != digest:
            raise Refused("backup_damaged", part=digest)
        return content

    def check(self) -> None:
        """Read all of it; refused as `backup_damaged` where a part is not as it was written."""
        for name, part in self.manifest.tables.items():
            with _readable(name):
                found = fingerprint(self._lines(name))
                if found != Fingerprint(part.rows, part.sha256):
                    raise Refused("backup_damaged", part=name)
                self._check_rows(name, part)
        for digest in self.manifest.files:
            with _readable(digest):
                self.content(digest)

    def _check_rows(self, name: str, part: TablePart) -> None:
        if any(len(row) != len(part.columns) for row in self.rows(name)):
            raise Refused("backup_damaged", part=name)

    def _lines(self, name: str) -> Iterator[bytes]:
        with self._zip.open(f"tables/{name}.jsonl") as member:
            yield from member


@contextmanager
def reading_archive(path: Path) -> Iterator[Archive]:
    """A backup whose manifest was read; refused as `backup_damaged`, `backup_newer`."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise Refused("backup_unreadable", file=path, why=error.strerror) from error
    with file:
        with _readable(path.name):
            opened = ZipFile(file)
            manifest = _manifest_of(opened)
        if manifest.format != FORMAT:
            raise Refused("backup_newer", version=manifest.application)
        yield Archive(manifest, opened)


def _manifest_of(opened: ZipFile) -> Manifest:
    if opened.getinfo(MANIFEST).file_size > LARGEST_MANIFEST:
        raise BadZipFile(MANIFEST)
    return Manifest.model_validate_json(opened.read(MANIFEST))


@contextmanager
def _readable(part: str) -> Iterator[None]:
    try:
        yield
    except (*_DAMAGES, ValidationError, OSError) as error:
        raise Refused("backup_damaged", part=part) from error


def _file(digest: str) -> str:
    return f"files/{digest}"
