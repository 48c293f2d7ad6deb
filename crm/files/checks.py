"""What an uploaded file is and whether it may be kept, decided by its content.

This takes up to seconds, so it is done before a transaction writes (DESIGN 8).
"""

from collections.abc import Callable, Mapping

from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.files.kinds import FileKind, checked_name, named_as, suffix_of
from crm.files.ole import ole_kind
from crm.files.packages import package_kind
from crm.files.pdf import check_pdf
from crm.files.pictures import redrawn

LARGEST_MEGABYTES = 20
LARGEST = LARGEST_MEGABYTES * 1024 * 1024


@value_class
class CheckedFile:
    """A file that may be kept; a picture is drawn anew, so its bytes are not those sent."""

    name: str
    kind: FileKind
    content: bytes


def _pdf(content: bytes, _suffix: str) -> tuple[FileKind, bytes]:
    check_pdf(content)
    return FileKind.PDF, content


def _package(content: bytes, _suffix: str) -> tuple[FileKind, bytes]:
    return package_kind(content), content


def _ole(content: bytes, suffix: str) -> tuple[FileKind, bytes]:
    return ole_kind(content, suffix), content


def _jpeg(content: bytes, _suffix: str) -> tuple[FileKind, bytes]:
    return FileKind.JPEG, redrawn(content, FileKind.JPEG)


def _png(content: bytes, _suffix: str) -> tuple[FileKind, bytes]:
    return FileKind.PNG, redrawn(content, FileKind.PNG)


_BY_FIRST_BYTES: Mapping[bytes, Callable[[bytes, str], tuple[FileKind, bytes]]] = {
    b"%PDF-": _pdf,
    b"\xff\xd8\xff": _jpeg,
    b"\x89PNG\r\n\x1a\n": _png,
    b"PK\x03\x04": _package,
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": _ole,
}


def check_file(name: str, content: bytes) -> CheckedFile:
    """The file as it may be kept; refused with a code that begins with `upload_`."""
    name = checked_name(name)
    if not content:
        raise Refused("upload_empty")
    if len(content) > LARGEST:
        raise Refused("upload_too_big", megabytes=LARGEST_MEGABYTES)

    check = next(
        (check for begins, check in _BY_FIRST_BYTES.items() if content.startswith(begins)), None
    )
    if check is None:
        raise Refused("upload_kind_unknown")
    kind, kept = check(content, suffix_of(name))

    return CheckedFile(named_as(name, kind), kind, kept)
