"""ZIP-based documents, told apart and bounded by their directory alone: nothing is unpacked."""

import io
import struct
import zipfile
from pathlib import PurePosixPath

from crm.base.errors import Refused
from crm.files.kinds import FileKind

MOST_PARTS = 5_000
LARGEST_UNPACKED = 300 * 1024 * 1024
HIGHEST_RATIO = 200
_END = struct.Struct("<4s4H2LH")  # the end of the directory, as ZIP has it
_END_SIGNATURE = b"PK\x05\x06"
_LONGEST_COMMENT = 65_535
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MACROS = ("vbaproject.bin", "vbadata.xml")
_MACRO_SHEETS = "xl/macrosheets/"


def package_kind(content: bytes) -> FileKind:
    """The kind of a ZIP-based document; refused as `upload_*`."""
    infos = _directory(content)
    _refuse_bomb(infos)
    if any(info.flag_bits & _ENCRYPTED for info in infos):
        raise Refused("upload_encrypted")
    names = {info.filename.lower() for info in infos}
    if len(names) < len(infos) or any(map(_leads_out, names)):
        raise Refused("upload_damaged")

    kind = _kind_of(names)
    if any(name.endswith(_MACROS) or name.startswith(_MACRO_SHEETS) for name in names):
        raise Refused("upload_has_macros")
    return kind


def ends_as_package(content: bytes) -> bool:
    """Whether a ZIP archive hangs at the end: such a file is two at once."""
    tail = content[-_END.size - _LONGEST_COMMENT :]
    place = tail.rfind(_END_SIGNATURE)
    while place >= 0:
        if len(tail) - place >= _END.size:
            *_, comment = _END.unpack_from(tail, place)
            if place + _END.size + comment == len(tail):
                return True
        place = tail.rfind(_END_SIGNATURE, 0, place)
    return False


def _directory(content: bytes) -> list[zipfile.ZipInfo]:
    # The count is read first: a directory of 20 MB names 400,000 parts, each of which is an object.
    if len(content) < _END.size or content[-_END.size :][:4] != _END_SIGNATURE:
        raise Refused("upload_damaged")
    _, _, _, _, count, size, offset, _ = _END.unpack(content[-_END.size :])
    if count > MOST_PARTS:
        raise Refused("upload_unpacks_too_large")
    # nothing before the archive and nothing between its parts: else another file may hide there
    if offset + size + _END.size != len(content):
        raise Refused("upload_damaged")

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            return package.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        raise Refused("upload_damaged") from error


def _refuse_bomb(infos: list[zipfile.ZipInfo]) -> None:
    packed = sum(info.compress_size for info in infos)
    unpacked = sum(info.file_size for info in infos)
    if len(infos) > MOST_PARTS or unpacked > LARGEST_UNPACKED:
        raise Refused("upload_unpacks_too_large")
    if unpacked > HIGHEST_RATIO * max(packed, 1):
        raise Refused("upload_unpacks_too_large")
    if any(info.compress_type not in _METHODS for info in infos):
        raise Refused("upload_damaged")


def _leads_out(name: str) -> bool:
    """Whether a part would be unpacked outside of its folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in name


def _kind_of(names: set[str]) -> FileKind:
    if "ofd.xml" in names:
        return FileKind.OFD
    if "[content_types].xml" in names:
        # the main part may be word/document2.xml, so the folder decides
        for folder, kind in (("word/", FileKind.DOCX), ("xl/", FileKind.XLSX)):
            if any(name.startswith(folder) for name in names):
                return kind
    raise Refused("upload_kind_unknown")
