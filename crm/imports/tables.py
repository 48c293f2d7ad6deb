"""An uploaded table: opened, its columns matched, its rows read (ENTRY 6)."""

import json
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.grids import Grid
from crm.base.sheet_problems import Problem
from crm.base.table_columns import Vocabulary, cells_by_code, signature
from crm.base.table_heads import LeftOut, Table, TableRow, table_of
from crm.base.value_class import value_class
from crm.imports.kept_rows import KeptRows, blocks_of, pack_blocks
from crm.imports.models import ImportRun
from crm.imports.rules import MOST_COLUMNS, MOST_ROWS
from crm.imports.settings import Settings
from crm.visits.table_dates import TitlePeriod

if TYPE_CHECKING:
    from crm.base.open_files import OpenFile


_TABLE = b"T"  # begins a table that is kept in the place of its file; a packed file begins with x
_PLAIN = ("sheet", "headings", "head_lines", "title", "year", "month", "money_unit")


@value_class
class Upload:
    """The table of an upload, and which of our columns each of its columns is."""

    table: Table
    codes: Sequence[str]
    notices: Sequence[Problem]

    @property
    def signature(self) -> str:
        """What makes another table one of the same form."""
        return signature(self.table)

    def title(self, run: ImportRun) -> TitlePeriod:
        """The year and month of its dates."""
        return TitlePeriod(civil_date(run.made_at), self.table.year, self.table.month)

    def cells(self, row: TableRow) -> dict[str, str]:
        """The cells of a row by the code of their column."""
        return cells_by_code(row, self.codes)


def pack(content: bytes) -> bytes:
    """The file as it is kept until its sheet is chosen."""
    return zlib.compress(content)


def pack_table(upload: Upload) -> bytes:
    """The table as it is kept from then on: it is read many times sooner than the file."""
    table = upload.table
    head = {
        "table": {name: getattr(table, name) for name in _PLAIN},
        "count": len(table.rows),
        "left_out": table.left_out,
        "notices": [[why.why.code, why.why.facts, why.line, why.column] for why in upload.notices],
    }
    return _TABLE + pack_blocks(head, table.rows)


def kept_bytes(content: bytes) -> bytes:
    """What is kept of an upload, unpacked: the file, or the texts of its table."""
    if content.startswith(_TABLE):
        return b"\n".join(map(zlib.decompress, blocks_of(content.removeprefix(_TABLE))))
    from crm.base.open_files import LARGEST_FILE_BYTES  # noqa: PLC0415 - see there

    return zlib.decompressobj().decompress(content, LARGEST_FILE_BYTES + 1)


def opened(run: ImportRun) -> "OpenFile":
    """The uploaded file; raises `SheetRefused`, refused as `import_is_over` once it is gone."""
    from crm.base.open_files import open_file  # noqa: PLC0415 - see there

    if run.content is None or run.content.startswith(_TABLE):
        raise Refused("import_is_over")
    return open_file(kept_bytes(run.content))


def upload_of(grid: Grid, vocabulary: Vocabulary, codes: Sequence[str] | None) -> Upload:
    """The table of the sheet.

    Refused as `table_not_found`, `too_many_columns`, `too_many_rows`, `no_rows`.
    """
    # first by whole words: a word within another may stand for a group of columns
    table = table_of(grid, vocabulary.code_of) or table_of(grid, vocabulary.within)
    if table is None:
        raise Refused("table_not_found", columns=vocabulary.example)
    if len(table.headings) > MOST_COLUMNS:
        raise Refused("too_many_columns", most=MOST_COLUMNS)
    if not table.rows:
        raise Refused("no_rows")
    if len(table.rows) > MOST_ROWS:
        raise Refused("too_many_rows", most=MOST_ROWS)
    return Upload(table, _codes(table, vocabulary, codes), grid.notices)


def _codes(table: Table, vocabulary: Vocabulary, codes: Sequence[str] | None) -> Sequence[str]:
    """The codes that were chosen, else those that the headings tell."""
    if codes is not None and len(codes) == len(table.headings):
        return codes
    codes = vocabulary.match(table.headings)
    if not {"date", "starts_at"} & set(codes):  # 时间 alone holds dates
        codes = ["date" if code == "hours" else code for code in codes]
    return codes


def read_upload(run: ImportRun, vocabulary: Vocabulary) -> Upload:
    """The table as it was chosen; refused as `upload_of` and `opened` say."""
    settings = Settings.read(run.settings)
    if run.content is None or not run.content.startswith(_TABLE):
        return upload_of(opened(run).grid(settings.sheet), vocabulary, settings.codes)
    table, notices = _unpacked(run.content.removeprefix(_TABLE))
    return Upload(table, _codes(table, vocabulary, settings.codes), notices)


def _unpacked(content: bytes) -> tuple[Table, list[Problem]]:
    head, *rows = blocks_of(content)
    values: dict[str, Any] = json.loads(zlib.decompress(head))
    left_out = [(line, LeftOut(why)) for line, why in values["left_out"]]
    notices = [
        Problem(Refused(code, None, **facts), line, column)
        for code, facts, line, column in values["notices"]
    ]
    plain = values["table"]
    head_lines = tuple(plain.pop("head_lines"))
    kept = KeptRows(rows, values["count"])
    return Table(**plain, rows=kept, head_lines=head_lines, left_out=left_out), notices
