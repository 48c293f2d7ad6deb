"""The parts of an .xlsx file, checked before calamine parses them.

calamine trusts what a file says of itself: two cells far apart make it ask for hundreds of
gigabytes of memory, and a part that is larger than the zip directory says is unpacked to its end.
So the parts are unpacked here within limits, and only the sound ones are handed on.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import NoReturn
from xml.parsers import expat

from xlsxwriter.utility import xl_cell_to_rowcol, xl_col_to_name, xl_rowcol_to_cell

from crm.base.sheet_problems import refused
from crm.base.value_class import value_class

MOST_PARTS = 1_000
LARGEST_UNPACKED = 50 * 1024 * 1024
HIGHEST_RATIO = 100
MOST_CELLS = 2_000_000  # of the rectangle around all cells: calamine keeps each of them
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CELL = re.compile(r"[A-Z]{1,3}[1-9][0-9]{0,6}", re.IGNORECASE)
_ROW = re.compile(r"[1-9][0-9]{0,6}")
_LAST_COLUMN = 16_384
_FOLDER = PurePosixPath("xl")
_BOOK, _RELATIONS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"

Place = tuple[int, int]  # row and column of a cell, counted from 1


@value_class
class Parts:
    """A workbook packed anew from its sound parts, and what was found in each."""

    content: bytes
    by_name: Mapping[str, "Part"]

    def part_of(self, sheet: str) -> "Part":
        """The part with the cells of the sheet of this name."""
        ids = self.by_name[_BOOK].links if _BOOK in self.by_name else {}
        targets = self.by_name[_RELATIONS].links if _RELATIONS in self.by_name else {}
        target = targets.get(ids.get(sheet, ""), "")
        part = self.by_name.get(str(_FOLDER / target).removeprefix("/"))
        if part is None:
            raise refused("workbook_unreadable")
        return part


def sound_parts(content: bytes) -> Parts:
    """The workbook with only its XML parts; raises `SheetRefused`."""
    packed, parts = io.BytesIO(), dict[str, Part]()
    # packed again, but quickly: it is held, and held once more by calamine, while it is read
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as kept:
        for name, data in _unpacked(content):
            part = Part()
            if name not in parts and part.is_xml(data):  # pictures are left out
                kept.writestr(name, data)
                parts[name] = part
    return Parts(packed.getvalue(), parts)


def name_of(place: Place) -> str:
    """A cell's name: C5."""
    row, column = place
    return str(xl_rowcol_to_cell(row - 1, column - 1))


def letters_of(column: int) -> str:
    """A column's name: C."""
    return str(xl_col_to_name(column - 1))


def _unpacked(content: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            infos = package.infolist()
            _refuse_bomb(infos)
            for info in infos:
                with package.open(info) as part:
                    # without a size, read() would unpack more than the directory promises
                    yield info.filename, part.read(info.file_size)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError) as error:
        raise refused("workbook_unreadable") from error


def _refuse_bomb(infos: list[zipfile.ZipInfo]) -> None:
    if len(infos) > MOST_PARTS:
        raise refused("workbook_too_many_parts", most=MOST_PARTS)
    if sum(info.file_size for info in infos) > LARGEST_UNPACKED:
        raise refused("workbook_too_large", megabytes=LARGEST_UNPACKED // 1024**2)
    if any(info.file_size > HIGHEST_RATIO * max(info.compress_size, 1) for info in infos):
        raise refused("workbook_too_dense")
    if any(info.compress_type not in _METHODS for info in infos):
        raise refused("workbook_unreadable")


class Part:
    """What an XML parser finds in one part; cells are counted as calamine counts them."""

    def __init__(self) -> None:
        self.valueless: set[Place] = set()  # cells that show an error or were never computed
        self.hidden_rows: set[int] = set()
        self.hidden_columns: set[int] = set()
        self.is_filled = False  # whether any cell holds text
        self.links: dict[str, str] = {}  # from sheet names to relation ids, or from those to parts
        self._at: Place = (1, 0)
        self._last: Place = (1, 1)  # lowest row and rightmost column with content
        self._type = ""  # of the current cell
        self._inside: set[str] | None = None  # the current cell's elements with text; None outside
        self._element = ""

    def is_xml(self, data: bytes) -> bool:
        """Whether the part is XML; raises `SheetRefused` where its cells lie too far apart."""
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._read
        try:
            parser.Parse(data, True)  # noqa: FBT003 - how expat has it
        except expat.ExpatError:
            return False
        return True

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(":")[2]:
            case "sheet":
                found = (value for key, value in attributes.items() if key.endswith(":id"))
                self.links[attributes.get("name", "")] = next(found, "")
            case "Relationship":
                self.links[attributes.get("Id", "")] = attributes.get("Target", "")
            case "row":
                self._at = (_row(attributes["r"]) if "r" in attributes else self._at[0], 0)
                if _is_hidden(attributes, "ht"):
                    self.hidden_rows.add(self._at[0])
            case "col" if _is_hidden(attributes, "width"):
                self.hidden_columns.update(_columns(attributes))
            case "c":
                self._at = _place(attributes["r"]) if "r" in attributes else self._next
                self._type, self._inside = attributes.get("t", ""), set()
            case inner if self._inside is not None:
                self._element = inner
                self._widen()

    def _read(self, text: str) -> None:
        if self._inside is not None:
            self._inside.add(self._element)
            self.is_filled = self.is_filled or not text.isspace()

    def _end(self, name: str) -> None:
        self._element = ""
        match name.rpartition(":")[2]:
            case "row":
                self._at = (self._at[0] + 1, 0)
            case "c" if self._inside is not None:
                # the computed value may be an empty text
                is_uncomputed = self._type != "str" and self._inside - {""} == {"f"}
                if self._type == "e" or is_uncomputed:
                    self.valueless.add(self._at)
                self._inside = None

    @property
    def _next(self) -> Place:
        return self._at[0], self._at[1] + 1

    def _widen(self) -> None:
        (row, column), (lowest, rightmost) = self._at, self._last
        self._last = max(row, lowest), max(column, rightmost)
        if self._last[0] * self._last[1] > MOST_CELLS:
            raise refused("workbook_too_wide", cell=name_of(self._at))


def _refuse_doctype(*_: object) -> NoReturn:
    raise refused("workbook_unreadable")


def _is_hidden(attributes: Mapping[str, str], size: str) -> bool:
    """Whether a row or column is hidden or has no size."""
    return attributes.get("hidden") in ("1", "true") or attributes.get(size) in ("0", "0.0")


def _columns(attributes: Mapping[str, str]) -> range:
    """The columns that a `col` element describes."""
    try:
        first, last = int(attributes["min"]), int(attributes["max"])
    except (KeyError, ValueError) as error:
        raise refused("workbook_unreadable") from error
    return range(max(first, 1), min(last, _LAST_COLUMN) + 1)


def _row(text: str) -> int:
    if not _ROW.fullmatch(text):
        raise refused("workbook_unreadable")
    return int(text)


def _place(text: str) -> Place:
    if not _CELL.fullmatch(text):
        raise refused("workbook_unreadable")
    row, column = xl_cell_to_rowcol(text.upper())
    return row + 1, column + 1
