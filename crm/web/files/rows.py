"""The files of a record as its page shows them."""

from collections.abc import Sequence
from datetime import date

from crm.base import formatting
from crm.base.clock import civil_date
from crm.base.value_class import value_class
from crm.files.kinds import FileKind
from crm.files.queries import ListedFile

_UNITS = (("MB", 1024 * 1024), ("KB", 1024))
PICTURES = (FileKind.JPEG, FileKind.PNG)


@value_class
class FileRow:
    """One file of a record."""

    id: int
    name: str
    url: str
    icon: str
    meta: str  # size, who added it and when
    is_superseded: bool
    newer_url: str | None  # where a newer version is added; none: it may not be


def size_text(size: int) -> str:
    """The size of a file: `2.4 MB`, `310 KB`."""
    for unit, whole in _UNITS:
        if size >= whole:
            return f"{size / whole:.1f} {unit}".replace(".0 ", " ")
    return "不到 1 KB"


def file_row(row: ListedFile, url: str, newer_url: str | None, on: date) -> FileRow:
    added = formatting.dated(civil_date(row.added_at), on)
    meta = (size_text(row.size), row.added_by, added)
    is_superseded = row.superseded_by_id is not None
    return FileRow(
        row.id,
        row.name,
        url,
        "photo" if row.kind in PICTURES else "file-text",
        " · ".join(meta),
        is_superseded,
        None if is_superseded else newer_url,
    )


def in_versions(rows: Sequence[ListedFile]) -> list[ListedFile]:
    """The files in the order of their first versions, each followed by its older ones."""
    older = {row.superseded_by_id: row for row in rows if row.superseded_by_id}
    chains = []
    for row in rows:
        if row.superseded_by_id is None:
            chain = [row]
            while before := older.get(chain[-1].id):
                chain.append(before)
            chains.append(chain)
    return [row for chain in sorted(chains, key=lambda chain: chain[-1].id) for row in chain]
