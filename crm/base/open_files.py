"""The sheets of an uploaded file, merged cells filled.

Loaded on first use, as spreadsheets are.
"""

import io
from collections.abc import Iterable, Sequence

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from crm.base.csv_records import read_csv
from crm.base.grids import Grid, Place
from crm.base.sheet_problems import refused
from crm.base.value_class import value_class
from crm.base.workbook_parts import Part, sound_parts
from crm.base.workbooks import hidden_notices, is_workbook, texts_of

LARGEST_FILE_BYTES = 20 * 1024 * 1024  # 100,000 rows of visits take some 10
Range = tuple[Place, Place]  # the first and the last cell of a merged range, counted from 0


@value_class
class OpenFile:
    """A file that was opened, and the names of the sheets that one may choose."""

    sheets: Sequence[str]
    _content: bytes
    _parts: dict[str, Part]
    _filled_sheets: frozenset[str]

    @property
    def likely(self) -> str:
        """The first sheet that holds anything."""
        held = (name for name in self.sheets if name in self._filled_sheets)
        return next(held, self.sheets[0])

    @property
    def filled(self) -> list[str]:
        """The sheets that hold anything."""
        return [name for name in self.sheets if name in self._filled_sheets]

    def grid(self, name: str) -> Grid:
        """The sheet of that name, or the likely one; raises `SheetRefused`."""
        name = name if name in self.sheets else self.likely
        if not self._parts:
            return _grid_of_texts(name, list(read_csv(self._content)))
        try:
            book = CalamineWorkbook.from_filelike(io.BytesIO(self._content))
            sheet = book.get_sheet_by_name(name)
        except CalamineError as error:
            raise refused("workbook_unreadable") from error

        texts = _texts(sheet)
        filled = _fill(texts, sheet.merged_cell_ranges or [])
        part = self._parts[name]
        rows = [(line, cells) for line, cells in enumerate(texts, 1) if any(map(str.strip, cells))]
        notices = list(hidden_notices(part, rows))
        return Grid(name, rows, filled, frozenset(part.valueless), notices)


def open_file(content: bytes) -> OpenFile:
    """Open a spreadsheet or a CSV file; raises `SheetRefused`."""
    if len(content) > LARGEST_FILE_BYTES:
        raise refused("file_too_large", megabytes=LARGEST_FILE_BYTES // 1024**2)
    if not is_workbook(content):
        return OpenFile(("",), content, {}, frozenset(("",)))

    parts = sound_parts(content)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(parts.content))
    except CalamineError as error:
        raise refused("workbook_unreadable") from error
    names = [
        sheet.name
        for sheet in book.sheets_metadata
        if (sheet.typ, sheet.visible) == (SheetTypeEnum.WorkSheet, SheetVisibleEnum.Visible)
    ]
    if not names:
        raise refused("file_empty")
    of_sheet = {name: parts.part_of(name) for name in names}
    filled = frozenset(name for name, part in of_sheet.items() if part.is_filled)
    return OpenFile(tuple(names), parts.content, of_sheet, filled)


def _texts(sheet: CalamineSheet) -> list[list[str]]:
    """All rows as text; what recurs, as most texts of a long table do, is held once."""
    known: dict[str, str] = {}
    left = [""] * (sheet.start[1] if sheet.start else 0)  # empty columns, which are passed over
    return [
        [known.setdefault(text, text) for text in texts_of([*left, *row], line)]
        for line, row in enumerate(sheet.iter_rows(), 1)
    ]


def _fill(texts: list[list[str]], merged: Iterable[Range]) -> frozenset[Place]:
    """Write the text of each merged range into all its cells; returns those that got it.

    Refused as `merged_cells_overlap`: no sheet has such ranges, and a thousand of them over all its
    cells would keep the server busy for minutes.
    """
    filled = set()
    left_over = sum(map(len, texts))
    for (top, left), (bottom, right) in merged:
        if top >= len(texts) or left >= len(texts[top]):
            continue
        text = texts[top][left]
        for row in range(top, min(bottom + 1, len(texts))):
            columns = range(left, min(right + 1, len(texts[row])))
            left_over -= len(columns)
            if left_over < 0:
                raise refused("merged_cells_overlap")
            for column in columns:
                if (row, column) != (top, left) and text.strip():
                    texts[row][column] = text
                    filled.add((row + 1, column + 1))
    return frozenset(filled)


def _grid_of_texts(name: str, rows: list[tuple[int, list[str]]]) -> Grid:
    width = max((len(cells) for _, cells in rows), default=0)
    padded = [(line, cells + [""] * (width - len(cells))) for line, cells in rows]
    return Grid(name, [(line, cells) for line, cells in padded if any(map(str.strip, cells))])
