"""One sheet of a file as it stands: what a table is looked for in."""

from collections.abc import Sequence

from crm.base.sheet_problems import Problem
from crm.base.value_class import value_class

Place = tuple[int, int]  # row and column of a cell, counted from 1


@value_class
class Grid:
    """One sheet: its rows with their numbers, none of them blank and all equally wide."""

    name: str
    rows: Sequence[tuple[int, list[str]]]
    filled: frozenset[Place] = frozenset()  # cells that got the text of their merged range
    valueless: frozenset[Place] = frozenset()  # cells with an error, or never computed
    notices: Sequence[Problem] = ()
