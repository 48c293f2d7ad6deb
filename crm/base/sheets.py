"""CSV files as tables: text, columns, rows, and what is wrong with them, told with its place."""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from crm.base.clock import civil
from crm.base.errors import Refused
from crm.base.formulas import neutralised, plain
from crm.base.words import Word

LARGEST_BYTES = 10 * 1024 * 1024
MOST_ROWS = 50_000
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CHINESE_IN_UTF8 = re.compile(rb"[\xe2-\xef][\x80-\xbf]{2}")
_SIGNS_OF_UTF8 = 3  # so many Chinese characters in UTF-8 before a bad byte are no accident


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its English code and Chinese name; an optional one may be left out of a file."""

    code: str
    name: str
    example: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file is refused: at which line of the file, in which column as the file heads it."""

    why: Refused
    line: int | None = None
    column: str | None = None


class SheetRefused(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """A file of which nothing is taken over, with everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row by column code, and the line of the file on which it begins."""

    line: int
    cells: Mapping[str, str]


class Sheet:
    """The rows of a file, how it heads its columns, and the problems found with it so far."""

    def __init__(self, headings: Mapping[str, str], rows: Sequence[Row]) -> None:
        self.headings = headings
        self.rows = rows
        self.problems: list[Problem] = []

    def blame(self, line: int, why: Refused) -> None:
        """Note a problem; its field is the code of a column."""
        self.problems.append(Problem(why, line, self.headings.get(why.field or "")))

    def refuse_if_blamed(self) -> None:
        """Raise `SheetRefused` with all problems, in the order of the file, where there are any."""
        if self.problems:
            raise SheetRefused(sorted(self.problems, key=lambda problem: problem.line or 0))


@dataclass(slots=True)
class Outcome:
    """What became of the rows of a file."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0

    @property
    def rows(self) -> int:
        """How many rows there were."""
        return self.added + self.updated + self.unchanged


def read_sheet(content: bytes, columns: Sequence[Column]) -> Sheet:
    """The file as a sheet of these columns; `SheetRefused` where it is none."""
    if len(content) > LARGEST_BYTES:
        raise _refused("file_too_large", megabytes=LARGEST_BYTES // 1024**2)
    records = _records(_decode(content))
    line, head = next(records, (1, []))
    if not head:
        raise _refused("file_empty")
    codes = _read_head(line, head, columns)
    headings = {code: cell.strip() for code, cell in zip(codes, head, strict=True)}
    return Sheet(headings, _read_rows(records, headings))


def write_template(columns: Sequence[Column]) -> bytes:
    """A file to fill in: Chinese headers and one row of examples, with the BOM that Excel needs."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([column.name for column in columns])
    writer.writerow([column.example for column in columns])
    return _BOM + text.getvalue().encode()


def write_sheet(
    columns: Sequence[Column], rows: Iterable[Mapping[str, object]], *, in_chinese: bool
) -> bytes:
    """A file that `read_sheet` reads again: headers and words as codes, or by Chinese names."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([column.name if in_chinese else column.code for column in columns])
    for row in rows:
        cells = (_written(row.get(column.code), in_chinese=in_chinese) for column in columns)
        writer.writerow([neutralised(cell) for cell in cells])
    return _BOM + text.getvalue().encode()


def _written(value: object, *, in_chinese: bool) -> str:
    match value:
        case Word():
            return value.label if in_chinese else value.value
        case bool():
            return str(int(value))
        case datetime():
            return civil(value).replace(tzinfo=None).isoformat()
        case list() | tuple():
            return ";".join(map(str, value))
    return "" if value is None else str(value)


def _refused(code: str, line: int | None = None, **facts: object) -> SheetRefused:
    return SheetRefused([Problem(Refused(code, None, **facts), line)])


def _decode(content: bytes) -> str:
    if content.startswith(_UTF16):
        raise _refused("file_is_utf16", 1)
    if b"\0" in content:
        raise _refused_at("file_has_nul", content, content.index(b"\0"))
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        text = _decode_gb18030(content, error.start)
    return unicodedata.normalize("NFC", text.removeprefix("\ufeff"))


def _decode_gb18030(content: bytes, bad_at: int) -> str:
    # GB18030 reads almost any bytes, so a UTF-8 file with one bad byte would come out as gibberish.
    if content.startswith(_BOM) or _looks_like_utf8(content[:bad_at]):
        raise _refused_at("file_undecodable", content, bad_at)
    try:
        return content.decode("gb18030")
    except UnicodeDecodeError as error:
        raise _refused_at("file_undecodable", content, error.start) from error


def _looks_like_utf8(content: bytes) -> bool:
    return len(_CHINESE_IN_UTF8.findall(content)) >= _SIGNS_OF_UTF8


def _refused_at(code: str, content: bytes, position: int) -> SheetRefused:
    line = content[content.rfind(b"\n", 0, position) + 1 : position]
    return _refused(code, content.count(b"\n", 0, position) + 1, cell=line.count(b",") + 1)


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with the line on which it begins."""
    lines = io.StringIO(text, newline="").readlines()
    reader = csv.reader(lines, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise _unreadable(error, line, "".join(lines[line - 1 : reader.line_num])) from error
        if record is None:
            return
        if any(cell.strip() for cell in record):
            yield line, record


def _unreadable(error: csv.Error, line: int, record: str) -> SheetRefused:
    if "limit" in str(error):
        return _refused("cell_too_large", line)
    return _refused("bad_quotes", line, cell=_faulty_cell(record))


def _faulty_cell(record: str) -> int:
    """The number of the cell whose quotes are wrong; the last one where a quote stays open."""
    cells = re.compile(r'(?:"(?:[^"]|"")*"|[^",\r\n][^,\r\n]*|)(,|\r?\n|$)')
    number, position = 1, 0
    while (found := cells.match(record, position)) and found[1] == ",":
        number, position = number + 1, found.end()
    return number


def _read_head(line: int, head: Sequence[str], columns: Sequence[Column]) -> list[str]:
    """The code of each cell of the head."""
    names = {column.code: column.code for column in columns}
    names |= {column.name: column.code for column in columns}
    cells = [cell.strip() for cell in head]
    codes = [names.get(cell, names.get(cell.lower(), "")) for cell in cells]
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
        if not column.optional and column.code not in codes
    ]
    if problems:
        raise SheetRefused(problems)
    return codes


def _read_rows(records: Iterator[tuple[int, list[str]]], headings: Mapping[str, str]) -> list[Row]:
    rows: list[Row] = []
    ragged: list[Problem] = []
    for line, cells in records:
        if len(rows) == MOST_ROWS:
            raise _refused("too_many_rows", line, most=MOST_ROWS)
        if len(cells) == len(headings):
            stripped = (plain(cell.strip()).strip() for cell in cells)
            rows.append(Row(line, dict(zip(headings, stripped, strict=True))))
        else:
            why = Refused("ragged_row", cells=len(cells), columns=len(headings))
            first_missing = next(iter([*headings.values()][len(cells) :]), None)
            ragged.append(Problem(why, line, first_missing))
    if ragged:
        raise SheetRefused(ragged)
    return rows
