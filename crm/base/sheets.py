"""Tables read from and written to CSV and .xlsx files: columns, rows and their problems.

Spreadsheets are loaded on first use: they take 4 MiB, and most processes only show pages.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from crm.base.clock import civil
from crm.base.csv_records import read_csv, write_csv
from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.formulas import escape_formula, unescape_formula
from crm.base.names import folded
from crm.base.sheet_problems import Problem as Problem
from crm.base.sheet_problems import SheetRefused as SheetRefused
from crm.base.sheet_problems import refused
from crm.base.typed_text import unify_line_breaks
from crm.base.value_class import value_class

if TYPE_CHECKING:
    from crm.base.workbooks import Book, Cell

T = TypeVar("T")
LARGEST_BYTES = 10 * 1024 * 1024  # larger files are refused unread
MOST_ROWS = 50_000
NOTE = "导出人："  # what begins the note below an exported list


class Format(StrEnum):
    """A file format to write, by its suffix; reading recognizes the format by the content."""

    CSV = ".csv"
    XLSX = ".xlsx"


@value_class
class Column:
    """A column with its English code and Chinese name; an optional one may be missing in a file.

    A `shown_only` column is exported for people to read, and ignored by imports.
    """

    code: str
    name: str
    example: str = ""
    optional: bool = False
    shown_only: bool = False


# In the file with what an import refused: corrected, it is imported as it is.
PROBLEM = Column("problem", "问题", shown_only=True)


@value_class
class Row:
    """The cells of one row by column code, and the number of its first line."""

    line: int
    cells: Mapping[str, str]


class Sheet:
    """The rows of a file, its own column headers by code, and the problems found so far.

    Problems refuse the whole file; notices are shown with the result.
    """

    def __init__(
        self, headings: Mapping[str, str], rows: Sequence[Row], notices: Sequence[Problem] = ()
    ) -> None:
        self.headings = headings
        self.rows = rows
        self.problems: list[Problem] = []
        self.notices = list(notices)

    def add_problem(self, line: int, why: Refused) -> None:
        """Note a problem, whose field is the code of a column."""
        self.problems.append(Problem(why, line, self.headings.get(why.field or "")))

    def ask(self, line: int, answer: Callable[[], T]) -> T | None:
        """The answer about a row; None where it is refused, which is noted."""
        try:
            return answer()
        except Refused as why:
            self.add_problem(line, why)
            return None

    def raise_problems(self) -> None:
        """Raise `SheetRefused` if there are problems, with all of them in the order of the file."""
        if self.problems:
            in_order = sorted(self.problems, key=lambda problem: problem.line or 0)
            raise SheetRefused(in_order, self.notices)


@dataclass(slots=True)
class ImportResult:
    """How many rows an import added, updated and left unchanged."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    left_out: int = 0  # likely duplicates that were not wanted
    notices: list[Problem] = field(default_factory=list)
    added_lines: list[int] = field(default_factory=list)  # of these rows, for a preview
    updated_lines: list[int] = field(default_factory=list)

    def note(self, line: int, *, is_new: bool) -> None:
        """Count a row that adds something or leaves all as it is."""
        if is_new:
            self.added += 1
            self.added_lines.append(line)
        else:
            self.unchanged += 1

    @property
    def rows(self) -> int:
        """The number of all rows."""
        return self.added + self.updated + self.unchanged + self.left_out


Source: TypeAlias = bytes | Sheet  # a file, or what was read of a table


def read_sheet(content: Source, columns: Sequence[Column]) -> Sheet:
    """Read a file that has these columns; raises `SheetRefused`."""
    if isinstance(content, Sheet):
        return content
    book, records = _open(content)
    columns = [*columns, PROBLEM]
    line, head = next(records, (1, []))
    if not head:
        raise refused("file_empty")

    codes = _read_head(line, head, columns)
    headings = {code: cell.strip() for code, cell in zip(codes, head, strict=True)}
    if book:  # a spreadsheet ends each row at its last value
        records = _padded(records, len(head))
    sheet = Sheet(headings, _read_rows(records, headings), book.notices if book else ())

    _drop_shown_only(sheet, columns)
    return sheet


def codes_of(head: Sequence[str], columns: Sequence[Column]) -> set[str]:
    """The columns that the cells of a head name."""
    names = _names(columns)
    return {names[folded(cell.strip())] for cell in head if folded(cell.strip()) in names}


def read_records(content: bytes) -> list[tuple[int, list[str]]]:
    """The cells of all rows with their lines, the head first; raises `SheetRefused`."""
    _, records = _open(content)
    line, head = next(records, (1, []))
    return [(line, head), *_padded(records, len(head))]


def write_records(records: Sequence[Sequence[str]], form: Format) -> bytes:
    """A file of texts as they were read."""
    if form is Format.XLSX:
        from crm.base.workbooks import write_workbook  # noqa: PLC0415 - see above

        texts = [[unescape_formula(cell) for cell in record] for record in records]
        return write_workbook(texts, holds_only_text=True)
    return write_csv(
        [escape_formula(unescape_formula(cell)) for cell in record] for record in records
    )


def _open(content: bytes) -> tuple["Book | None", Iterator[tuple[int, list[str]]]]:
    from crm.base.workbooks import is_workbook, read_workbook  # noqa: PLC0415 - see above

    if len(content) > LARGEST_BYTES:
        raise refused("file_too_large", megabytes=LARGEST_BYTES // 1024**2)
    book = read_workbook(content) if is_workbook(content) else None
    return book, iter(book.rows) if book else read_csv(content)


def _drop_shown_only(sheet: Sheet, columns: Sequence[Column]) -> None:
    dropped = [column for column in columns if column.shown_only and column.code in sheet.headings]
    if not dropped:
        return

    codes = {column.code for column in dropped}
    sheet.headings = {code: name for code, name in sheet.headings.items() if code not in codes}
    sheet.rows = [
        Row(row.line, {code: text for code, text in row.cells.items() if code not in codes})
        for row in sheet.rows
    ]
    names = "、".join(column.name for column in dropped if column is not PROBLEM)
    if names:
        sheet.notices.append(Problem(Refused("columns_passed_over", columns=names)))


def _padded(
    records: Iterator[tuple[int, list[str]]], width: int
) -> Iterator[tuple[int, list[str]]]:
    for line, cells in records:
        yield line, cells + [""] * (width - len(cells))


def write_template(columns: Sequence[Column], form: Format = Format.CSV) -> bytes:
    """An empty file to fill in: Chinese headers and one row of examples."""
    columns = [column for column in columns if not column.shown_only]
    records = [[column.name for column in columns], [column.example for column in columns]]
    if form is Format.XLSX:
        from crm.base.workbooks import write_workbook  # noqa: PLC0415 - see above

        # As text, a phone number keeps its leading zero and all its digits.
        return write_workbook(records, holds_only_text=True)
    return write_csv(records)


def write_sheet(
    columns: Sequence[Column],
    rows: Iterable[Mapping[str, object]],
    *,
    in_chinese: bool,
    form: Format = Format.CSV,
    note: str = "",
) -> bytes:
    """A file that `read_sheet` can read again; headers and labels are codes or Chinese names.

    A note begins with `NOTE` and stands below the rows, where reading ends.
    """
    head: list[Cell] = [column.name if in_chinese else column.code for column in columns]
    records = (
        [_written(row.get(column.code), in_chinese=in_chinese) for column in columns]
        for row in rows
    )

    if form is Format.XLSX:
        from crm.base.workbooks import write_workbook  # noqa: PLC0415 - see above

        return write_workbook([head, *records], note=note)
    # A CSV cell has no type, so text that looks like a formula would be run as one; a negative
    # number is none, and is summed only without an apostrophe.
    texts = (
        [escape_formula(cell) if isinstance(cell, str) else _text(cell) for cell in record]
        for record in records
    )
    below = [[], [escape_formula(note)]] if note else []
    return write_csv([list(map(str, head)), *texts, *below])


def _written(value: object, *, in_chinese: bool) -> "Cell":
    """The value as a cell. An instant is text in either format, so that 00:00 is not lost."""
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
    return "" if value is None else unify_line_breaks(str(value))


def _text(cell: "Cell") -> str:
    return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


def _read_head(line: int, head: Sequence[str], columns: Sequence[Column]) -> list[str]:
    """The column code of each header cell; raises `SheetRefused`."""
    names = _names(columns)
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


def _names(columns: Sequence[Column]) -> dict[str, str]:
    """The codes by what a header may be; folded, as case, width and blanks do not matter."""
    return {folded(name): column.code for column in columns for name in (column.code, column.name)}


class _Texts(dict[str, str]):
    """The texts of cells without blanks around them; most cells repeat another."""

    def __missing__(self, cell: str) -> str:
        text = unescape_formula(unify_line_breaks(cell).strip()).strip()
        self[cell] = text
        return text


def _read_rows(records: Iterator[tuple[int, list[str]]], headings: Mapping[str, str]) -> list[Row]:
    rows: list[Row] = []
    ragged: list[Problem] = []
    texts = _Texts()

    for line, cells in records:
        if cells[0].startswith(NOTE):
            break
        if len(rows) == MOST_ROWS:
            raise refused("too_many_rows", line, most=MOST_ROWS)
        if len(cells) == len(headings):
            stripped = map(texts.__getitem__, cells)
            rows.append(Row(line, dict(zip(headings, stripped, strict=True))))
        else:
            why = Refused("ragged_row", cells=len(cells), columns=len(headings))
            first_missing = next(iter([*headings.values()][len(cells) :]), None)
            ragged.append(Problem(why, line, first_missing))

    if ragged:
        raise SheetRefused(ragged)
    return rows
