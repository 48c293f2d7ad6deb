"""Documents in Microsoft's older container (OLE), as WPS writes them, told apart by streams."""

import io
import struct
from collections.abc import Iterator
from typing import Any

from crm.base.errors import Refused
from crm.files.kinds import FileKind
from crm.files.packages import ends_as_package

_ENCRYPTED_OFFICE = "encryptedpackage"  # a .docx or .xlsx with a password is such a container
_WORD, _SHEETS = "worddocument", ("workbook", "book")
_MACROS = frozenset({"macros", "vba", "_vba_project", "_vba_project_cur"})
_OLDER = frozenset({".doc", ".xls", ".ppt", ".dps", ".dot", ".xlt"})
_FIB_FLAGS, _FIB_ENCRYPTED = 0x0A, 0x0100  # [MS-DOC] 2.5.2
_FILE_PASS = 0x002F  # a record of [MS-XLS] 2.4
_MOST_RECORDS = 100
_RECORD = struct.Struct("<2H")


def ole_kind(content: bytes, suffix: str) -> FileKind:
    """The kind of an OLE document; refused as `upload_*`."""
    if ends_as_package(content):
        raise Refused("upload_is_two")
    try:
        names, word, sheets = _read(content)
    except (OSError, ValueError, LookupError, struct.error, RecursionError, TypeError) as error:
        raise Refused("upload_damaged") from error

    top = {path[0] for path in names if len(path) == 1}
    if _ENCRYPTED_OFFICE in top or _is_word_encrypted(word) or _are_sheets_encrypted(sheets):
        raise Refused("upload_encrypted")
    kind = FileKind.WPS if _WORD in top else FileKind.ET if top.intersection(_SHEETS) else None
    # .doc and .wps have the same streams, so here the suffix decides, too
    if suffix in _OLDER:
        raise Refused("upload_old_format")
    if kind is None or suffix != f".{kind.value}":
        raise Refused("upload_kind_unknown")
    if any(part in _MACROS for path in names for part in path):
        raise Refused("upload_has_macros")
    return kind


def _read(content: bytes) -> tuple[list[list[str]], bytes, bytes]:
    """The paths of all streams and storages, and the two streams that may hold the text."""
    import olefile  # noqa: PLC0415 - only those who upload need it

    with olefile.OleFileIO(io.BytesIO(content)) as ole:
        paths: list[list[str]] = ole.listdir(streams=True, storages=True)
        streams: list[list[str]] = ole.listdir()
        # else a few bytes could name one stream a thousand times
        if sum(ole.get_size(path) for path in streams) > len(content):
            raise Refused("upload_damaged")
        by_name = {"/".join(path).lower(): _whole(ole, path) for path in streams}

    lowered = [[part.lower() for part in path] for path in paths]
    sheets = next((by_name[name] for name in _SHEETS if name in by_name), b"")
    return lowered, by_name.get(_WORD, b""), sheets


def _whole(ole: Any, path: list[str]) -> bytes:
    content: bytes = ole.openstream(path).read()
    if len(content) < ole.get_size(path):  # the file is cut off
        raise Refused("upload_damaged")
    return content


def _is_word_encrypted(stream: bytes) -> bool:
    if len(stream) < _FIB_FLAGS + 2:
        return False
    (flags,) = struct.unpack_from("<H", stream, _FIB_FLAGS)
    return bool(flags & _FIB_ENCRYPTED)


def _are_sheets_encrypted(stream: bytes) -> bool:
    return _FILE_PASS in _records(stream)


def _records(stream: bytes) -> Iterator[int]:
    """The kinds of the first records of a workbook."""
    place = 0
    for _ in range(_MOST_RECORDS):
        if place + _RECORD.size > len(stream):
            return
        kind, length = _RECORD.unpack_from(stream, place)
        yield kind
        place += _RECORD.size + length
