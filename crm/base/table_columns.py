"""Which column of a bureau's table is which of ours, by the words that bureaus use. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from crm.base.formulas import unescape_formula
from crm.base.names import folded
from crm.base.sheets import Column
from crm.base.table_heads import Table, TableRow, heading
from crm.base.typed_text import unify_line_breaks

Words = Mapping[str, Sequence[str]]  # by the code of a column, what it is called besides
_IN_BRACKETS = re.compile(r"\([^)]*\)|\[[^]]*\]|【[^】]*】|<[^>]*>")
_SHORTEST_PART = 2  # characters of a word that is looked for within a heading


class Vocabulary:
    """The columns of a kind of file, and all words by which a table may name them."""

    def __init__(self, columns: Iterable[Column], words: Words, *, example: str) -> None:
        self.example = example  # headings that such a table has, in words
        self.columns = {column.code: column.name for column in columns}
        self._words = words

    @cached_property
    def _codes(self) -> dict[str, str]:
        codes: dict[str, str] = {}
        for code, name in self.columns.items():
            for word in (code, name, *self._words.get(code, ())):
                codes.setdefault(folded(word), code)
        return codes

    def code_of(self, text: str) -> str:
        """The column that a heading names by exactly one of its words; empty where it has none."""
        plain = _plain(text)
        return self._codes.get(folded(heading(text)), "") or self._codes.get(plain, "")

    def within(self, text: str) -> str:
        """The column whose longest word is part of the heading; empty where none is."""
        plain = _plain(text)
        return next((code for word, code in self._parts if word in plain), "")

    @cached_property
    def _parts(self) -> list[tuple[str, str]]:
        words = [
            (word, code)
            for word, code in self._codes.items()
            if len(word) >= _SHORTEST_PART and not word.isascii()
        ]
        return sorted(words, key=lambda pair: -len(pair[0]))

    def match(self, headings: Sequence[str]) -> list[str]:
        """The code of each heading, each code once; empty where none fits."""
        codes = [""] * len(headings)
        # what is called exactly so goes before what only contains the word
        for find in (self.code_of, self.within):
            for place, text in enumerate(headings):
                code = find(text) if text and not codes[place] else ""
                if code and code not in codes:
                    codes[place] = code
        return codes


def cells_by_code(row: TableRow, codes: Sequence[str]) -> dict[str, str]:
    """The texts of the columns that are read, by their codes."""
    return {
        code: unescape_formula(unify_line_breaks(cell).strip()).strip()
        for code, cell in zip(codes, row.cells, strict=False)
        if code
    }


def signature(table: Table) -> str:
    """What makes two tables of one form: their headings, in any order of the sheet's rows."""
    return "|".join(folded(text) for text in table.headings)


def _plain(text: str) -> str:
    return folded(_IN_BRACKETS.sub("", heading(text)))
