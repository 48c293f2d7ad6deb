"""Rows of an uploaded table, packed in blocks."""

import pytest

from crm.base.table_heads import TableRow
from crm.imports import kept_rows
from crm.imports.kept_rows import KeptRows, blocks_of, pack_blocks

ROWS = [
    TableRow(3, ["7月1日", "沈若川"]),
    TableRow(4, ["7月1日", "魏子谦"], filled=frozenset({0})),
    TableRow(6, ["", "“引号”\n换行"], valueless=frozenset({0, 1})),
]


@pytest.mark.parametrize("a_block", [1, 2, 3, 1000])
def test_rows_are_unpacked_as_they_were_whatever_the_blocks(monkeypatch, a_block):
    monkeypatch.setattr(kept_rows, "A_BLOCK", a_block)
    _, *blocks = blocks_of(pack_blocks({}, ROWS))

    rows = KeptRows(blocks, len(ROWS))

    assert [*rows] == ROWS
    assert (rows[0], rows[-1], rows[1:9], rows[5:]) == (ROWS[0], ROWS[2], ROWS[1:], [])
