"""A searched text as conditions take it: as values, or as parameters of a kept statement."""

from collections.abc import Iterable
from typing import Any, TypeAlias

from sqlalchemy import BindParameter, ColumnElement, SQLColumnExpression, bindparam

from crm.base.db import Text
from crm.base.names import folded, spellings
from crm.base.value_class import value_class

ESCAPE = "/"
Word: TypeAlias = str | BindParameter[str]


@value_class
class Searched:
    """A text as texts are folded for the search, and as it may be stored where they are not."""

    called: Word
    typed: tuple[Word, ...]

    @classmethod
    def of(cls, text: str) -> "Searched":
        """The text itself."""
        (called,) = escaped([folded(text)])
        return cls(called, escaped(spellings(text)))

    @classmethod
    def parameters(cls, typed: int) -> "Searched":
        """Any text of so many spellings; `values` has its values."""
        names = (f"typed_{number}" for number in range(typed))
        return cls(_parameter("called"), tuple(map(_parameter, names)))

    def values(self) -> dict[str, object]:
        """The values of `parameters` for this text."""
        typed = {f"typed_{number}": word for number, word in enumerate(self.typed)}
        return {"called": self.called, **typed}


def _parameter(name: str) -> BindParameter[str]:
    return bindparam(name, type_=Text())


def escaped(words: Iterable[str]) -> tuple[str, ...]:
    """The words in an order of their own, without signs that LIKE would read."""
    signs = str.maketrans({sign: ESCAPE + sign for sign in (ESCAPE, "%", "_")})
    return tuple(word.translate(signs) for word in sorted(words))


def contains(column: SQLColumnExpression[Any], word: Word) -> ColumnElement[bool]:
    """Whether the column has the word, in the case in which it is written."""
    return column.contains(word, escape=ESCAPE)


def icontains(column: SQLColumnExpression[Any], word: Word) -> ColumnElement[bool]:
    """Whether the column has the word, in whatever case."""
    return column.icontains(word, escape=ESCAPE)
