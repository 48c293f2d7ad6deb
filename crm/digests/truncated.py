"""The beginning of a list, as far as a mail has room for it and its reader may know."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

Line = TypeVar("Line")


@dataclass(frozen=True, slots=True)
class Listed(Generic[Line]):
    """The beginning of a list, with how much of it is left to the system's pages."""

    lines: tuple[Line, ...]
    more: int  # not shown here for brevity
    hidden: int  # not the reader's to know of; totals hold them (REGIME 2)

    @classmethod
    def first(cls, lines: Sequence[Line], most: int, *, hidden: int = 0) -> Self:
        """No more than so many of the lines."""
        return cls(tuple(lines[:most]), max(len(lines) - most, 0), hidden)

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.lines or self.hidden)
