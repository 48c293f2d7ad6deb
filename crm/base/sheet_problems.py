"""Problems of a file of rows, with their place in it."""

from collections.abc import Sequence

from crm.base.errors import Refused
from crm.base.value_class import value_class


@value_class
class Problem:
    """Why a file is refused, with the line and the column as the file itself heads it.

    Also used for a notice: something worth knowing about a file that is accepted.
    """

    why: Refused
    line: int | None = None
    column: str | None = None


MOST_NAMED = 20  # lines of a file that one notice names


def named_lines(lines: Sequence[int]) -> str:
    """The lines of a file as a notice names them."""
    return "、".join(map(str, lines[:MOST_NAMED])) + "…" * (len(lines) > MOST_NAMED)


class SheetRefused(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """Nothing is imported from a file, for all of these reasons."""

    def __init__(self, problems: Sequence[Problem], notices: Sequence[Problem] = ()) -> None:
        super().__init__(problems)
        self.problems = problems
        self.notices = notices


def refused(code: str, line: int | None = None, **facts: object) -> SheetRefused:
    """The exception that refuses a file for one reason."""
    return SheetRefused([Problem(Refused(code, None, **facts), line)])
