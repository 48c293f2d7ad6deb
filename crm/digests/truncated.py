"""The first lines of a list in a mail."""

from collections.abc import Callable, Sequence
from typing import Generic, Self, TypeVar

from crm.base.value_class import value_class

Line = TypeVar("Line")
Other = TypeVar("Other")


@value_class
class Truncated(Generic[Line]):
    """The first lines of a list, and how many it has beyond them; an empty list is false."""

    lines: tuple[Line, ...]
    more: int  # left out because a mail has no room for them
    hidden: int  # left out because the reader may not know of them; totals count them (REGIME 2)

    @classmethod
    def of(cls, lines: Sequence[Line], limit: int, *, hidden: int = 0) -> Self:
        return cls(tuple(lines[:limit]), max(len(lines) - limit, 0), hidden)

    def each(self, make: Callable[[Line], Other]) -> "Truncated[Other]":
        """What `make` gives for each line; nothing is made of those that are left out."""
        return Truncated(tuple(map(make, self.lines)), self.more, self.hidden)

    def __bool__(self) -> bool:
        return bool(self.lines or self.hidden)
