"""The kinds of files that may be attached, and the names that they may have."""

import unicodedata
from collections.abc import Mapping
from pathlib import PurePosixPath

from crm.base.enums import LabeledEnum
from crm.base.errors import Refused

LONGEST_NAME = 120
_HIDING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # controls, directions, no letters


class FileKind(LabeledEnum):
    """What a file is by its content; its name does not decide."""

    PDF = "pdf", "PDF"
    OFD = "ofd", "OFD"
    JPEG = "jpeg", "JPEG 图片"
    PNG = "png", "PNG 图片"
    DOCX = "docx", "Word 文档"
    XLSX = "xlsx", "Excel 表格"
    WPS = "wps", "WPS 文字"
    ET = "et", "WPS 表格"


SUFFIXES: Mapping[FileKind, tuple[str, ...]] = {
    FileKind.PDF: (".pdf",),
    FileKind.OFD: (".ofd",),
    FileKind.JPEG: (".jpg", ".jpeg"),
    FileKind.PNG: (".png",),
    FileKind.DOCX: (".docx",),
    FileKind.XLSX: (".xlsx",),
    FileKind.WPS: (".wps",),
    FileKind.ET: (".et",),
}
ACCEPTED = ",".join(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
MEDIA_TYPES: Mapping[FileKind, str] = {
    FileKind.PDF: "application/pdf",
    FileKind.OFD: "application/ofd",
    FileKind.JPEG: "image/jpeg",
    FileKind.PNG: "image/png",
    FileKind.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    FileKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileKind.WPS: "application/vnd.ms-works",
    FileKind.ET: "application/vnd.ms-excel",
}


def suffix_of(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def checked_name(name: str) -> str:
    """The name of an uploaded file; refused as `upload_unnamed`, `upload_name_*`."""
    name = unicodedata.normalize("NFC", name).strip()
    # a name that lies about its order or its folder cannot even be shown in a refusal
    if any(unicodedata.category(char) in _HIDING for char in name):
        raise Refused("upload_name_hides")
    if "/" in name or "\\" in name:
        raise Refused("upload_name_has_path")
    if not name.strip(". "):
        raise Refused("upload_unnamed")
    if len(name) > LONGEST_NAME:
        raise Refused("upload_name_long", longest=LONGEST_NAME)
    return name


def named_as(name: str, kind: FileKind) -> str:
    """The name with a suffix of the kind, by which the reader's machine opens it."""
    if suffix_of(name) in SUFFIXES[kind]:
        return name
    known = any(suffix_of(name) in suffixes for suffixes in SUFFIXES.values())
    stem = name[: -len(suffix_of(name))] if known else name
    return stem + SUFFIXES[kind][0]
