"""The figures of problems over a span: open, raised, closed, overdue, each with its rows. Pure.

PROJECTS 5: withdrawn problems leave the base, shelved ones stay in it. Every figure is worked out
from the history, so a figure of the past never moves.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from crm.base.clock import civil_date
from crm.base.enums import LabeledEnum
from crm.base.value_class import value_class
from crm.problems.rules import OVER, ProblemState, days_overdue, median_days

PERCENT = Decimal("0.1")


class Figure(LabeledEnum):
    """What is counted."""

    OPEN_AT_START = "open", "期初未销号"
    RAISED = "raised", "本期提出"
    CLOSED = "closed", "本期销号"
    OVERDUE = "overdue", "期末逾期"
    LEFT = "left", "期末未销号"


@value_class
class Change:
    """How a problem stood from a moment on."""

    at: datetime
    state: ProblemState
    due_on: date


@value_class
class ProblemFacts:
    """What the figures rest on; the first change is its raising."""

    id: int
    category_id: int
    changes: Sequence[Change]

    @property
    def raised_at(self) -> datetime:
        return self.changes[0].at

    def last_before(self, moment: datetime) -> Change | None:
        """How it stood right before the moment; `None` before it was raised."""
        earlier = [change for change in self.changes if change.at < moment]
        return earlier[-1] if earlier else None


@value_class
class Span:
    """From a moment to another, of which only what happened before the second counts."""

    begins: datetime
    ends: datetime

    @property
    def last_on(self) -> date:
        """The date as of which a problem is overdue."""
        return civil_date(self.ends - timedelta.resolution)


@value_class
class ProblemFigures:
    """The figures of some problems, each as the ids of its rows."""

    ids: dict[Figure, frozenset[int]]
    days: tuple[int, ...]  # to close, of those closed in the span

    def count(self, figure: Figure) -> int:
        return len(self.ids[figure])

    @property
    def base(self) -> int:
        """What could be closed in the span."""
        return self.count(Figure.OPEN_AT_START) + self.count(Figure.RAISED)

    @property
    def closing_rate(self) -> Decimal | None:
        """办结率: closed of what was open at the start or raised since, in percent."""
        if not self.base:
            return None
        rate = Decimal(100 * self.count(Figure.CLOSED)) / self.base
        return rate.quantize(PERCENT, ROUND_HALF_UP)

    @property
    def median_days(self) -> float | None:
        return median_days(self.days)


def figures(problems: Iterable[ProblemFacts], span: Span) -> ProblemFigures:
    """The figures of these problems over the span."""
    ids: dict[Figure, set[int]] = {figure: set() for figure in Figure}
    days = []

    for problem in problems:
        at_end = problem.last_before(span.ends)
        if at_end is None or at_end.state is ProblemState.WITHDRAWN:
            continue

        at_start = problem.last_before(span.begins)
        if at_start is None:
            ids[Figure.RAISED].add(problem.id)
        elif at_start.state not in OVER:
            ids[Figure.OPEN_AT_START].add(problem.id)
        else:
            continue

        if at_end.state is ProblemState.CLOSED:
            ids[Figure.CLOSED].add(problem.id)
            days.append((civil_date(at_end.at) - civil_date(problem.raised_at)).days)
            continue

        ids[Figure.LEFT].add(problem.id)
        if days_overdue(at_end.state, at_end.due_on, span.last_on):
            ids[Figure.OVERDUE].add(problem.id)

    return ProblemFigures({figure: frozenset(found) for figure, found in ids.items()}, tuple(days))


def by_category(problems: Iterable[ProblemFacts], span: Span) -> dict[int, ProblemFigures]:
    """The same by category, of those that have any."""
    sorted_problems: dict[int, list[ProblemFacts]] = {}
    for problem in problems:
        sorted_problems.setdefault(problem.category_id, []).append(problem)
    found = {key: figures(own, span) for key, own in sorted_problems.items()}
    return {key: figure for key, figure in found.items() if figure.base}
