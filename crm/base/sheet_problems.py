"""What is wrong with a file of rows, told with its place."""

from collections.abc import Sequence
from dataclasses import dataclass

from crm.base.errors import Refused


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file is refused: at which line of the file, in which column as the file heads it.

    The same form serves for a notice: something to know about a file that is taken all the same.
    """

    why: Refused
    line: int | None = None
    column: str | None = None


class SheetRefused(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """A file of which nothing is taken over, with everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem], notices: Sequence[Problem] = ()) -> None:
        super().__init__(problems)
        self.problems = problems
        self.notices = notices


def refused(code: str, line: int | None = None, **facts: object) -> SheetRefused:
    """The refusal of a file for one reason."""
    return SheetRefused([Problem(Refused(code, None, **facts), line)])
