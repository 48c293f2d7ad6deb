"""Spreadsheets (.xlsx): reading and writing records of the text that a CSV file would hold."""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from python_calamine import (
    CalamineError,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from crm.base.errors import Refused
from crm.base.formulas import escape_formula, unescape_formula
from crm.base.sheet_problems import Problem, SheetRefused, refused
from crm.base.typed_text import without_directions
from crm.base.value_class import value_class
from crm.base.workbook_parts import Part, Parts, Place, letters_of, name_of, sound_parts

_ZIP = b"PK\x03\x04"
_OLD_OR_ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_EXACT_DIGITS = 15  # of a number; a spreadsheet keeps no more
_HALF_A_SECOND = timedelta(milliseconds=500)  # times are fractions of days and a little off
_NARROWEST, _WIDEST = 10, 40  # columns, in characters
_PORTRAIT = 90  # characters that a page holds upright
_A4 = 9
_AMOUNT = "#,##0.00"
_SAMPLE = 100  # rows that decide how wide a column is
_MOST_NAMED = 10  # hidden rows that a notice lists

Value = bool | int | float | str | date | datetime | time | timedelta
Cell = str | int | Decimal | date


def is_workbook(content: bytes) -> bool:
    """Whether the content is a spreadsheet; raises `SheetRefused` for .xls and for locked files."""
    if content.startswith(_OLD_OR_ENCRYPTED):
        raise refused("workbook_old_or_locked")
    return content.startswith(_ZIP)


@value_class
class Book:
    """The rows of the first visible sheet that are not blank, with their row numbers.

    The notices name what is hidden and what was not read.
    """

    rows: list[tuple[int, list[str]]]
    notices: list[Problem]


def read_workbook(content: bytes) -> Book:
    """Read the first visible sheet; raises `SheetRefused`."""
    parts = sound_parts(content)

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(parts.content))
        name = _name_of_first(workbook)
        values = _values(workbook, name)
    except CalamineError as error:
        raise refused("workbook_unreadable") from error

    part = parts.part_of(name)
    _refuse_valueless(part.valueless)
    rows = list(_rows(values))
    return Book(rows, [*hidden_notices(part, rows), *_unread_sheets(workbook, name, parts)])


def _values(workbook: CalamineWorkbook, name: str) -> list[list[Value]]:
    sheet = workbook.get_sheet_by_name(name)
    if merged := sheet.merged_cell_ranges:  # all cells of a range but the first are empty
        (row, column), _ = merged[0]
        raise refused("workbook_merged_cells", row + 1, cell=name_of((row + 1, column + 1)))
    return sheet.to_python(skip_empty_area=False)


def _rows(values: Sequence[Sequence[Value]]) -> Iterator[tuple[int, list[str]]]:
    for line, row in enumerate(values, 1):
        cells = texts_of(row, line)
        while cells and not cells[-1].strip():  # the sheet is as wide as its widest row
            cells.pop()
        if cells:
            yield line, cells


def texts_of(row: Sequence[Value], line: int) -> list[str]:
    """The cells of a row as text; raises `SheetRefused`."""
    cells = [_text(value) for value in row]
    if any("\0" in cell for cell in cells):
        raise refused("control_characters", line)
    return cells


def hidden_notices(part: Part, rows: Sequence[tuple[int, list[str]]]) -> Iterator[Problem]:
    """Notices of rows and columns that are read although the spreadsheet hides them."""
    lines = [line for line, _ in rows if line in part.hidden_rows]
    if lines:
        named = "、".join(map(str, lines[:_MOST_NAMED])) + "…" * (len(lines) > _MOST_NAMED)
        yield Problem(Refused("rows_hidden", rows=named, count=len(lines)))

    width = max((len(cells) for _, cells in rows), default=0)
    columns = sorted(column for column in part.hidden_columns if column <= width)
    if columns:
        yield Problem(Refused("columns_hidden", columns="、".join(map(letters_of, columns))))


def _unread_sheets(workbook: CalamineWorkbook, name: str, parts: Parts) -> Iterator[Problem]:
    """Notices of sheets with content that are not read."""
    others = [
        sheet
        for sheet in workbook.sheets_metadata
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.name != name
        if parts.part_of(sheet.name).is_filled
    ]
    visible = [sheet.name for sheet in others if sheet.visible == SheetVisibleEnum.Visible]
    hidden = [sheet.name for sheet in others if sheet.visible != SheetVisibleEnum.Visible]

    if visible:
        yield Problem(Refused("sheets_unread", sheets="、".join(visible)))
    if hidden:
        yield Problem(Refused("hidden_sheets_unread", sheets="、".join(hidden)))


def _name_of_first(workbook: CalamineWorkbook) -> str:
    for sheet in workbook.sheets_metadata:
        if (sheet.typ, sheet.visible) == (SheetTypeEnum.WorkSheet, SheetVisibleEnum.Visible):
            return sheet.name
    raise refused("file_empty")


def _refuse_valueless(places: set[Place]) -> None:
    # calamine reads a cell that shows an error, or whose formula was never computed, as empty.
    problems = [
        Problem(Refused("cell_without_value", cell=name_of(place)), place[0])
        for place in sorted(places)
    ]
    if problems:
        raise SheetRefused(problems)


def _text(value: Value) -> str:
    """The cell as a CSV file would hold it."""
    match value:
        case str():
            return without_directions(value)
        case bool():
            return str(int(value))
        case int() | float():
            return f"{value:.{_EXACT_DIGITS}g}"
        case datetime():
            return (value + _HALF_A_SECOND).replace(microsecond=0).isoformat()
    return str(value)


def write_workbook(
    records: Iterable[Sequence[Cell]], *, holds_only_text: bool = False, note: str = ""
) -> bytes:
    """A spreadsheet of one sheet, whose first record is the header row and stays in view.

    With `holds_only_text`, what people fill in stays as they type it, such as a long number.
    A note stands below the rows, apart from them, so that sorting and filtering leave it alone.
    """
    rows, content = list(records), io.BytesIO()

    with Workbook(content, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        text = workbook.add_format({"num_format": "@"}) if holds_only_text else None
        header = workbook.add_format({"bold": True, "num_format": "@"})
        day = workbook.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
        amount = workbook.add_format({"num_format": _AMOUNT})
        styles = {date: day, Decimal: amount}

        widths = _widths(rows)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width, text)
        _lay_out(sheet, sum(widths))

        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                style = styles.get(type(cell), text) if row else header
                _write(sheet, (row, column), cell, style)
        if note:
            _write(sheet, (len(rows) + 1, 0), note, None)

    return content.getvalue()


def _lay_out(sheet: Worksheet, width: int) -> None:
    """Keep the head in view, and print it on each page, across which all columns fit."""
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    if width > _PORTRAIT:
        sheet.set_landscape()


def _write(sheet: Worksheet, at: Place, cell: Cell, style: object) -> None:
    match cell:
        case date():
            sheet.write_datetime(*at, cell, style)
        case int() | Decimal() if _is_exact(cell):
            sheet.write_number(*at, float(cell), style)
        case _:
            text = str(cell)
            # Text cells are never run as formulas, so nothing needs escaping but an apostrophe
            # that an import would take away.
            written = text if unescape_formula(text) == text else escape_formula(text)
            if sheet.write_string(*at, written, style):  # it was cut or left out
                raise Refused("text_too_long_for_xlsx", row=at[0] + 1)


def _is_exact(number: int | Decimal) -> bool:
    return len(Decimal(number).normalize().as_tuple().digits) <= _EXACT_DIGITS


def _widths(rows: Sequence[Sequence[Cell]]) -> list[int]:
    """The width of each column in characters; a Chinese character takes two."""
    columns = zip(*rows[:_SAMPLE], strict=True)
    return [min(max(_NARROWEST, *map(_width, column)) + 2, _WIDEST) for column in columns]


def _width(cell: Cell) -> int:
    shown = f"{cell:,.2f}" if isinstance(cell, Decimal) else str(cell)
    return max(len(line.encode("gb18030", "replace")) for line in shown.split("\n"))
