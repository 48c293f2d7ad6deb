"""An uploaded table: opened, its columns matched, its rows read (ENTRY 6)."""

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.grids import Grid
from crm.base.sheet_problems import Problem
from crm.base.table_columns import Vocabulary, cells_by_code, signature
from crm.base.table_heads import Table, TableRow, table_of
from crm.base.value_class import value_class
from crm.imports.models import ImportRun
from crm.imports.rules import MOST_ROWS
from crm.imports.settings import Settings
from crm.visits.table_dates import TitlePeriod

if TYPE_CHECKING:
    from crm.base.open_files import OpenFile


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
    """The file as it is kept."""
    return zlib.compress(content)


def opened(run: ImportRun) -> "OpenFile":
    """The uploaded file; raises `SheetRefused`, refused as `import_is_over` once it is gone."""
    from crm.base.open_files import LARGEST_FILE_BYTES, open_file  # noqa: PLC0415 - see there

    if run.content is None:
        raise Refused("import_is_over")
    return open_file(zlib.decompressobj().decompress(run.content, LARGEST_FILE_BYTES + 1))


def upload_of(grid: Grid, vocabulary: Vocabulary, codes: Sequence[str] | None) -> Upload:
    """The table of the sheet; refused as `table_not_found`, `too_many_rows`, `no_rows`."""
    # first by whole words: a word within another may stand for a group of columns
    table = table_of(grid, vocabulary.code_of) or table_of(grid, vocabulary.within)
    if table is None:
        raise Refused("table_not_found")
    if not table.rows:
        raise Refused("no_rows")
    if len(table.rows) > MOST_ROWS:
        raise Refused("too_many_rows", most=MOST_ROWS)
    if codes is None or len(codes) != len(table.headings):
        codes = vocabulary.match(table.headings)
        if not {"date", "starts_at"} & set(codes):  # 时间 alone holds dates
            codes = ["date" if code == "hours" else code for code in codes]
    return Upload(table, codes, grid.notices)


def read_upload(run: ImportRun, vocabulary: Vocabulary) -> Upload:
    """The table as it was chosen; refused as `upload_of` says."""
    settings = Settings.read(run.settings)
    return upload_of(opened(run).grid(settings.sheet), vocabulary, settings.codes)
