"""Files of rows, CSV or .xlsx, as tables: columns, rows, and what is wrong with them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from crm.base.clock import civil
from crm.base.csv_records import read_csv, write_csv
from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.formulas import neutralised, plain
from crm.base.names import folded
from crm.base.sheet_problems import Problem as Problem
from crm.base.sheet_problems import SheetRefused as SheetRefused
from crm.base.sheet_problems import refused
from crm.base.typed_text import one_line_break
from crm.base.workbooks import Cell, is_workbook, read_workbook, write_workbook

LARGEST_BYTES = 10 * 1024 * 1024
MOST_ROWS = 50_000


class Format(StrEnum):
    """What a file of rows is written as, by its suffix; what is read tells by itself."""

    CSV = ".csv"
    XLSX = ".xlsx"


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its English code and Chinese name; an optional one may be left out of a file.

    One that is `shown_only` stands in exports for people to read, and imports pass over it.
    """

    code: str
    name: str
    example: str = ""
    optional: bool = False
    shown_only: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row by column code, and the line of the file on which it begins."""

    line: int
    cells: Mapping[str, str]


class Sheet:
    """The rows of a file, how it heads its columns, and what was found about it so far.

    Problems refuse the file; notices are shown with the result and refuse nothing.
    """

    def __init__(
        self, headings: Mapping[str, str], rows: Sequence[Row], notices: Sequence[Problem] = ()
    ) -> None:
        self.headings = headings
        self.rows = rows
        self.problems: list[Problem] = []
        self.notices = list(notices)

    def blame(self, line: int, why: Refused) -> None:
        """Note a problem; its field is the code of a column."""
        self.problems.append(Problem(why, line, self.headings.get(why.field or "")))

    def refuse_if_blamed(self) -> None:
        """Raise `SheetRefused` with all problems, in the order of the file, where there are any."""
        if self.problems:
            in_order = sorted(self.problems, key=lambda problem: problem.line or 0)
            raise SheetRefused(in_order, self.notices)


@dataclass(slots=True)
class ImportResult:
    """What became of the rows of a file."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    notices: list[Problem] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows there were."""
        return self.added + self.updated + self.unchanged


def read_sheet(content: bytes, columns: Sequence[Column]) -> Sheet:
    """The file as a sheet of these columns; `SheetRefused` where it is none."""
    if len(content) > LARGEST_BYTES:
        raise refused("file_too_large", megabytes=LARGEST_BYTES // 1024**2)

    is_padded = is_workbook(content)  # a spreadsheet ends a row where its last value stands
    book = read_workbook(content) if is_padded else None
    records = iter(book.rows) if book else read_csv(content)
    line, head = next(records, (1, []))
    if not head:
        raise refused("file_empty")

    codes = _read_head(line, head, columns)
    headings = {code: cell.strip() for code, cell in zip(codes, head, strict=True)}
    rows = _read_rows(_padded(records, len(head)) if is_padded else records, headings)
    passed_over = [column for column in columns if column.shown_only and column.code in headings]

    for column in passed_over:
        del headings[column.code]
        rows = [_without(row, column.code) for row in rows]

    notices = list(book.notices) if book else []

    if passed_over:
        names = "、".join(column.name for column in passed_over)
        notices.append(Problem(Refused("columns_passed_over", columns=names)))

    return Sheet(headings, rows, notices)


def _without(row: Row, code: str) -> Row:
    return Row(row.line, {column: text for column, text in row.cells.items() if column != code})


def _padded(
    records: Iterator[tuple[int, list[str]]], width: int
) -> Iterator[tuple[int, list[str]]]:
    for line, cells in records:
        yield line, cells + [""] * (width - len(cells))


def write_template(columns: Sequence[Column], form: Format = Format.CSV) -> bytes:
    """A file to fill in: Chinese headers and one row of examples."""
    columns = [column for column in columns if not column.shown_only]
    records = [[column.name for column in columns], [column.example for column in columns]]
    if form is Format.XLSX:
        return write_workbook(records, holds_only_text=True)
    return write_csv(records)


def write_sheet(
    columns: Sequence[Column],
    rows: Iterable[Mapping[str, object]],
    *,
    in_chinese: bool,
    form: Format = Format.CSV,
) -> bytes:
    """A file that `read_sheet` reads again: headers and words as codes, or by Chinese names."""
    head: list[Cell] = [column.name if in_chinese else column.code for column in columns]
    records = (
        [_written(row.get(column.code), in_chinese=in_chinese) for column in columns]
        for row in rows
    )
    if form is Format.XLSX:
        return write_workbook([head, *records])
    texts = ([neutralised(str(cell)) for cell in record] for record in records)
    return write_csv([list(map(str, head)), *texts])


def _written(value: object, *, in_chinese: bool) -> Cell:
    """The value as a cell; a moment is text in either kind of file, exact and with its midnight."""
    match value:
        case LabeledEnum():
            return value.label if in_chinese else value.value
        case bool():
            return str(int(value))
        case datetime():
            return civil(value).replace(tzinfo=None).isoformat()
        case list() | tuple():
            return ";".join(map(str, value))
        case int() | Decimal() | date():
            return value

    return "" if value is None else one_line_break(str(value))


def _read_head(line: int, head: Sequence[str], columns: Sequence[Column]) -> list[str]:
    """The code of each cell of the head."""
    names = {folded(name): column.code for column in columns for name in (column.code, column.name)}
    cells = [cell.strip() for cell in head]
    codes = [names.get(folded(cell), "") for cell in cells]
    problems = [
        Problem(Refused("unknown_column", column=cell or "（空）"), line)
        for cell, code in zip(cells, codes, strict=True)
        if not code
    ]
    problems += [
        Problem(Refused("column_twice", column=cells[codes.index(code)]), line)
        for code, times in Counter(filter(None, codes)).items()
        if times > 1
    ]
    problems += [
        Problem(Refused("column_missing", column=f"{column.name}（{column.code}）"), line)
        for column in columns
        if not (column.optional or column.shown_only) and column.code not in codes
    ]
    if problems:
        raise SheetRefused(problems)

    return codes


def _read_rows(records: Iterator[tuple[int, list[str]]], headings: Mapping[str, str]) -> list[Row]:
    rows: list[Row] = []
    ragged: list[Problem] = []

    for line, cells in records:
        if len(rows) == MOST_ROWS:
            raise refused("too_many_rows", line, most=MOST_ROWS)
        if len(cells) == len(headings):
            stripped = (plain(one_line_break(cell).strip()).strip() for cell in cells)
            rows.append(Row(line, dict(zip(headings, stripped, strict=True))))
        else:
            why = Refused("ragged_row", cells=len(cells), columns=len(headings))
            first_missing = next(iter([*headings.values()][len(cells) :]), None)
            ragged.append(Problem(why, line, first_missing))

    if ragged:
        raise SheetRefused(ragged)

    return rows
