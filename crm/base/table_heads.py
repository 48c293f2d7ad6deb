"""A bureau's table in a sheet: title, head of one or two rows, rows that are none (ENTRY 6). Pure.

The words that name columns come from the kind of file; everything else follows from how such
tables are made.
"""

import re
from collections.abc import Callable, Sequence
from enum import IntEnum

from crm.base.enums import LabeledEnum
from crm.base.grids import Grid
from crm.base.typed_text import half_width
from crm.base.value_class import value_class

_LAST_HEAD_ROW = 30  # rows in which a head is looked for
_FEWEST_WORDS = 2
_TOTAL = re.compile(r"(?:本?[页月周旬季年]?(?:小计|合计|总计|共计|累计))(?:[:(].*)?")
_FOOT = re.compile(
    r"(?:备注|注|说明|填表说明|填.(?:人|单位|日期)|制表人?|制表日期|审核人?|审批人?"
    r"|复核人?|负责人|分管领导|单位负责人|联系人|联系电话|报送单位|签字|盖章|单位\(盖章\))(?:签字|\(签字\))?:.*"
)
_NOTE = re.compile(r"(?:备注|注|说明|填表说明)\d*[:.、].*|(?:填.人|制表人?|审核人?|审批人?)")
_EXPORTED = "导出人:"
_NONE: frozenset[int] = frozenset()
_DITTO = frozenset({"同上", "〃", "″", '"', "''", "“", "”", "同前"})
_YEAR = re.compile(r"(20\d{2})(?:年度?|[-./])(?:(1[0-2]|0?[1-9])月?)?")
_MONEY_UNIT = re.compile(r"单位:([亿万]?(?:人民币|元|美元|欧元|港元|日元))")
_MONTH = re.compile(r"(1[0-2]|0?[1-9])月(?:份)?")


class Likeliness(IntEnum):
    """How likely rows with the same number of known words are a head."""

    UNLIKELY = 0
    ONE_ROW = 1
    TWO_ROWS = 2
    SURELY_TWO = 3


_NOTHING: tuple[int, Likeliness, int, int, list[str]] = (0, Likeliness.UNLIKELY, 0, 0, [])
CodeOf = Callable[[str], str]  # of a heading; empty where no column is called so


class LeftOut(LabeledEnum):
    """Why a row of a sheet is none of the table."""

    TOTAL = "total", "合计行"
    FOOT = "foot", "表尾说明"
    HEAD = "head", "重复的表头"
    NUMBER = "number", "只有序号的空行"


@value_class
class TableRow:
    """A row of the table, and which of its cells got the text of a merged range."""

    line: int
    cells: Sequence[str]
    filled: frozenset[int] = frozenset()  # by the number of the column, from 0
    valueless: frozenset[int] = frozenset()


@value_class
class Table:
    """What a sheet holds: the flattened head, the rows, and what was left out."""

    sheet: str
    headings: Sequence[str]
    rows: Sequence[TableRow]
    head_lines: tuple[int, ...]
    title: str = ""
    year: int | None = None  # of the title: that of dates without one
    month: int | None = None
    left_out: Sequence[tuple[int, LeftOut]] = ()
    money_unit: str = ""  # as 万元, where a line above the head names it


def table_of(grid: Grid, code_of: CodeOf) -> Table | None:
    """The table of the sheet; none where no row has two words that name columns."""
    found = _find_head(grid, code_of)
    if found is None:
        return None
    first, height, headings = found

    before = [_distinct(cells) for _, cells in grid.rows[:first]]
    year, month = _period(before, grid.name)
    head = [cells for _, cells in grid.rows[first : first + height]]
    rows: list[TableRow] = []
    left_out: list[tuple[int, LeftOut]] = []
    for line, cells in grid.rows[first + height :]:
        if half_width(next(filter(str.strip, cells), "")).startswith(_EXPORTED):
            break
        if why := _why_left_out(cells, head, headings):
            left_out.append((line, why))
            continue
        rows.append(_row(line, cells[: len(headings)], grid, rows[-1] if rows else None))

    return Table(
        sheet=grid.name,
        headings=headings,
        rows=rows,
        head_lines=tuple(line for line, _ in grid.rows[first : first + height]),
        title=" ".join(before[0]) if before else "",
        year=year,
        month=month,
        left_out=left_out,
        money_unit=_money_unit(before),
    )


def _row(line: int, cells: list[str], grid: Grid, above: TableRow | None) -> TableRow:
    """The row; a cell that says 同上 gets the text above it."""
    places = range(len(cells))
    filled = {place for place in places if (line, place + 1) in grid.filled}
    if above:
        ditto = {place for place in places if cells[place].strip() in _DITTO}
        cells = [above.cells[place] if place in ditto else cells[place] for place in places]
        filled |= ditto
    valueless = {place for place in places if (line, place + 1) in grid.valueless}
    # each empty set of their own would take as much as the row
    return TableRow(line, cells, frozenset(filled) or _NONE, frozenset(valueless) or _NONE)


def heading(text: str) -> str:
    """A heading in one line, without blanks that only spread it."""
    return half_width(text).replace(" ", "").strip("*:")


def _find_head(grid: Grid, code_of: CodeOf) -> tuple[int, int, list[str]] | None:
    """Where the head begins, of how many rows it is, and the headings."""
    found: list[tuple[int, Likeliness, int, int, list[str]]] = []
    rows = [cells for _, cells in grid.rows[: _LAST_HEAD_ROW + 1]]
    known = [len(_words(cells, code_of)) for cells in rows]

    for place, cells in enumerate(rows):
        found.append((known[place], Likeliness.ONE_ROW, -place, 1, [*map(heading, cells)]))
        if place + 1 == len(rows) or len(_distinct(cells)) < _FEWEST_WORDS:
            continue
        pairs = zip(cells, rows[place + 1], strict=True)
        flat = [_flattened(*pair, code_of) for pair in pairs]
        words = len(_words(flat, code_of))
        likeliness = Likeliness.UNLIKELY
        if _is_merged_downwards(grid, place, code_of):
            likeliness = Likeliness.SURELY_TWO
        elif _is_merged(grid, place) and words > known[place]:
            likeliness = Likeliness.TWO_ROWS
        elif words < max(known[place : place + 2]) + _FEWEST_WORDS:
            continue  # a row of the table that holds a known word by chance
        found.append((words, likeliness, -place, 2, flat))

    most, _, place, height, headings = max(found, key=lambda one: one[:3], default=_NOTHING)
    return (-place, height, _cut(headings)) if most >= _FEWEST_WORDS else None


def _is_merged(grid: Grid, place: int) -> bool:
    """Whether the row has cells merged with others beside them."""
    line, cells = grid.rows[place]
    return any((line, column) in grid.filled for column in range(1, len(cells) + 1))


def _is_merged_downwards(grid: Grid, place: int, code_of: CodeOf) -> bool:
    """Whether a known word stands in a cell that goes over this row and the next."""
    line, cells = grid.rows[place]
    below, lower = grid.rows[place + 1]
    return any(
        below == line + 1 and text == under and (below, column) in grid.filled and code_of(text)
        for column, (text, under) in enumerate(
            zip(map(heading, cells), map(heading, lower), strict=True), 1
        )
    )


def _flattened(upper: str, lower: str, code_of: CodeOf) -> str:
    upper, lower = heading(upper), heading(lower)
    if not lower or upper == lower or not upper:
        return upper or lower
    both = f"{upper}{lower}"
    if code_of(both):
        return both
    return lower if code_of(lower) else both


def _words(cells: Sequence[str], code_of: CodeOf) -> set[str]:
    return {code for cell in set(cells) if (code := code_of(heading(cell)))}


def _cut(headings: list[str]) -> list[str]:
    """The headings up to the last one that names something."""
    while headings and not headings[-1]:
        headings.pop()
    return headings


def _distinct(cells: Sequence[str]) -> list[str]:
    """The texts of a row, those of a merged range once."""
    return list(dict.fromkeys(text for cell in cells if (text := half_width(cell))))


def _period(before: Sequence[Sequence[str]], sheet: str) -> tuple[int | None, int | None]:
    """The year and month that the title names, or the name of the sheet."""
    texts = [text for row in before for text in row] + [half_width(sheet)]
    for text in texts:
        if found := _YEAR.search(text):
            month = found[2] or ((later := _MONTH.search(text, found.end(1))) and later[1])
            if not month:
                month = next((other[1] for one in texts if (other := _MONTH.search(one))), None)
            return int(found[1]), int(month) if month else None
    return None, None


def _money_unit(before: Sequence[Sequence[str]]) -> str:
    """The unit of the amounts that the lines above the head name."""
    texts = [text.replace(" ", "") for row in before for text in row]
    return next((found[1] for text in texts if (found := _MONEY_UNIT.search(text))), "")


def _why_left_out(
    cells: Sequence[str], head: Sequence[Sequence[str]], headings: Sequence[str]
) -> LeftOut | None:
    if list(cells) in [list(row) for row in head]:
        return LeftOut.HEAD
    texts = [half_width(cell).replace(" ", "") for cell in cells]
    filled = [text for text in texts if text]
    if any(_TOTAL.fullmatch(text) for text in texts[:3]):
        return LeftOut.TOTAL
    # a note in a column of notes is none: only what the row begins with tells
    distinct = list(dict.fromkeys(filled))
    if filled and (_FOOT.fullmatch(filled[0]) or _NOTE.fullmatch(filled[0])):
        return LeftOut.FOOT
    if len(distinct) == 1 and len(headings) > _FEWEST_WORDS:
        is_number = distinct[0].replace(".", "").isdigit()
        if is_number:
            return LeftOut.NUMBER
        if filled[0] == texts[0] and distinct[0].startswith(("备注", "说明", "注", "(")):
            return LeftOut.FOOT
    return None
