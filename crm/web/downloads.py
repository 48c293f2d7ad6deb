"""Responses that a browser saves as a file."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import Response, url_for

from crm.base.audit import record
from crm.base.clock import civil
from crm.base.db import writing
from crm.base.sheets import NOTE, Column, Format, write_sheet
from crm.base.value_class import value_class
from crm.extensions import db
from crm.web.auth import signed_in
from crm.web.forms import query_arguments
from crm.web.transaction import moment, release

MEDIA_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

FILE_COUNT = "佐证材料份数"  # the heading of that column


def export_links(endpoint: str, *, but: str = "") -> list[tuple[str, str]]:
    """The kinds of file, each with the address of the whole list as it is filtered and sorted.

    `but`: an argument that is left out.
    """
    asked: dict[str, Any] = {**query_arguments(), "at": None}
    asked.pop(but, None)
    return [(form.name, url_for(endpoint, **asked, suffix=form.value)) for form in Format]


def attached(content: bytes, name: str, form: Format) -> Response:
    """The content as an attachment of that name."""
    headers = {
        "Content-Type": MEDIA_TYPES[form],
        # names are ASCII, so the header needs no encoding
        "Content-Disposition": f"attachment; filename={name}{form}",
    }
    return Response(content, headers=headers)


@value_class
class Export:
    """A list that its reader takes away as a file."""

    title: str  # as the screen calls the list
    name: str  # of the file, in ASCII, without its suffix
    columns: Sequence[Column]
    form: Format


def exported(export: Export, rows: Iterable[Mapping[str, object]]) -> Response:
    """The list as a file with its reader's name, once the audit trail has an entry (PROJECTS 2)."""
    me, shown = signed_in(), list(rows)
    note = f"{NOTE}{me.name}　{civil(moment()):%Y-%m-%d %H:%M}　共 {len(shown)} 条"
    content = write_sheet(export.columns, shown, in_chinese=True, form=export.form, note=note)

    release()  # what was read; the entry is written in a transaction of its own
    with writing(db.sessionmaker) as own:
        # not what was searched for: that may name a hidden lead
        after = {"list": export.title, "entries": len(shown)}
        record(own, "person.exported", me, by=me, at=moment(), after=after)

    return attached(content, export.name, export.form)
