"""Rows of an uploaded table as they are kept: packed in blocks, of which one is held at a time."""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import overload

from crm.base.table_heads import TableRow

A_BLOCK = 1_000  # rows
_LENGTH = 4  # bytes before each block that say how long it is


def pack_blocks(head: Mapping[str, object], rows: Sequence[TableRow]) -> bytes:
    """What is said of a table, and its rows, one block after the other."""
    parts = (rows[first : first + A_BLOCK] for first in range(0, len(rows), A_BLOCK))
    packed = [_packed(head), *(_packed([*map(_values, part)]) for part in parts)]
    return b"".join(len(block).to_bytes(_LENGTH) + block for block in packed)


def blocks_of(content: bytes) -> list[bytes]:
    """The blocks again, each still packed."""
    blocks, at = [], 0
    while at < len(content):
        begin = at + _LENGTH
        at = begin + int.from_bytes(content[at:begin])
        blocks.append(content[begin:at])
    return blocks


def _packed(values: object) -> bytes:
    return zlib.compress(json.dumps(values, ensure_ascii=False).encode(), level=1)


def _values(row: TableRow) -> list[object]:
    marked = (sorted(row.filled), sorted(row.valueless))
    return [row.line, row.cells, *(marked if any(marked) else ())]


class KeptRows(Sequence[TableRow]):
    """Rows that are unpacked when they are looked at: a long table takes no more than a short."""

    def __init__(self, blocks: Sequence[bytes], count: int) -> None:
        self._blocks = blocks
        self._count = count
        self._number, self._rows = -1, list[TableRow]()  # of the block that is held

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[TableRow]:
        for number in range(len(self._blocks)):
            yield from self._block(number)

    @overload
    def __getitem__(self, index: int) -> TableRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[TableRow]: ...
    def __getitem__(self, index: int | slice) -> TableRow | list[TableRow]:
        places = range(self._count)[index]
        if isinstance(places, range):
            return [*map(self._at, places)]
        return self._at(places)

    def _at(self, place: int) -> TableRow:
        number, rest = divmod(place, A_BLOCK)
        return self._block(number)[rest]

    def _block(self, number: int) -> list[TableRow]:
        if number != self._number:
            found = json.loads(zlib.decompress(self._blocks[number]))
            rows = [TableRow(line, cells, *map(frozenset, marks)) for line, cells, *marks in found]
            self._number, self._rows = number, rows
        return self._rows
