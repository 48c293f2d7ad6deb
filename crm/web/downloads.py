"""Responses that a browser saves as a file."""

from flask import Response

from crm.base.sheets import Format

MEDIA_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def attached(content: bytes, name: str, form: Format) -> Response:
    """The content as an attachment of that name."""
    headers = {
        "Content-Type": MEDIA_TYPES[form],
        # names are ASCII, so the header needs no encoding
        "Content-Disposition": f"attachment; filename={name}{form}",
    }
    return Response(content, headers=headers)
