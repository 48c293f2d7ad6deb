"""PDF files: whole, readable without a password, and nothing else besides."""

import io

from crm.base.errors import Refused
from crm.files.packages import ends_as_package

_END = b"%%EOF"
_TAIL = 1024  # readers look for the end there


def check_pdf(content: bytes) -> None:
    """Refuse a PDF that is cut off, damaged, locked or something else at the same time."""
    if ends_as_package(content):
        raise Refused("upload_is_two")
    if _END not in content[-_TAIL:]:
        raise Refused("upload_damaged")

    import pikepdf  # noqa: PLC0415 - only those who upload need it

    try:
        # one that only forbids printing opens without a password
        with pikepdf.open(io.BytesIO(content)) as document:
            pages: int = len(document.pages)
    except pikepdf.PasswordError as error:
        raise Refused("upload_encrypted") from error
    except (pikepdf.PdfError, ValueError, RuntimeError, OSError) as error:
        raise Refused("upload_damaged") from error
    if not pages:
        raise Refused("upload_damaged")
