"""CSV files as spreadsheet programs save them: reading and writing records of text."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from crm.base.sheet_problems import SheetRefused, refused
from crm.base.typed_text import without_directions

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CHINESE_IN_UTF8 = re.compile(rb"[\xe2-\xef][\x80-\xbf]{2}")
_SIGNS_OF_UTF8 = 3  # Chinese characters: so many byte sequences of UTF-8 are no accident


def read_csv(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank with its first line's number; raises `SheetRefused`."""
    lines = io.StringIO(_decode(content), newline="").readlines()
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


def write_csv(records: Iterable[Sequence[str]]) -> bytes:
    """The records as a UTF-8 file, with the BOM by which Excel knows the encoding."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(records)
    return _BOM + text.getvalue().encode()


def _decode(content: bytes) -> str:
    if content.startswith(_UTF16):
        raise refused("file_is_utf16", 1)
    if b"\0" in content:
        raise _refused_at("file_has_nul", content, content.index(b"\0"))

    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        text = _decode_gb18030(content, error.start)
    else:
        if not (text.isascii() or content.startswith(_BOM) or _looks_like_utf8(content)):
            text = _decode_ambiguous(content)

    return without_directions(text.removeprefix("\ufeff"))


def _decode_ambiguous(content: bytes) -> str:
    from charset_normalizer import from_bytes  # noqa: PLC0415 - 2 MiB, for a rare kind of file

    # Some names in GB18030 are valid UTF-8 as well: 路之遥 would come out as "·֮ң".
    best = from_bytes(content, cp_isolation=["utf_8", "gb18030"]).best()
    return str(best) if best else content.decode()


def _decode_gb18030(content: bytes, bad_at: int) -> str:
    # GB18030 reads almost any bytes: a UTF-8 file with one bad byte would come out as gibberish.
    if content.startswith(_BOM) or _looks_like_utf8(content[:bad_at]):
        raise _refused_at("file_undecodable", content, bad_at)
    try:
        return content.decode("gb18030")
    except UnicodeDecodeError as error:
        raise _refused_at("file_undecodable", content, error.start) from error


def _looks_like_utf8(content: bytes) -> bool:
    found = _CHINESE_IN_UTF8.finditer(content)
    return len([*islice(found, _SIGNS_OF_UTF8)]) == _SIGNS_OF_UTF8


def _refused_at(code: str, content: bytes, position: int) -> SheetRefused:
    line = content[content.rfind(b"\n", 0, position) + 1 : position]
    return refused(code, content.count(b"\n", 0, position) + 1, cell=line.count(b",") + 1)


def _unreadable(error: csv.Error, line: int, record: str) -> SheetRefused:
    if "limit" in str(error):
        return refused("cell_too_large", line)
    return refused("bad_quotes", line, cell=_faulty_cell(record))


def _faulty_cell(record: str) -> int:
    """The number of the cell with wrong quotes; the last cell where a quote is never closed."""
    cells = re.compile(r'(?:"(?:[^"]|"")*"|[^",\r\n][^,\r\n]*|)(,|\r?\n|$)')
    number, position = 1, 0
    while (found := cells.match(record, position)) and found[1] == ",":
        number, position = number + 1, found.end()
    return number
