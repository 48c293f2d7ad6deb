"""The figures of problems in a month, each of which leads to its rows."""

from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.clock import at_civil
from crm.base.periods import DAY, Period
from crm.base.value_class import value_class
from crm.problems.categories import categories
from crm.problems.figure_queries import problem_facts, span_until
from crm.problems.figures import Figure, ProblemFigures, Span, by_category, figures
from crm.problems.permissions import Onlooker

SHOWN = (Figure.OPEN_AT_START, Figure.RAISED, Figure.CLOSED, Figure.LEFT, Figure.OVERDUE)
SHORT = ("期初", "提出", "销号", "期末", "逾期")  # of the same, where the table has no room


@value_class
class FigureCell:
    """A number with the address of the rows behind it."""

    count: int
    url: str


@value_class
class FigureRow:
    """The figures of a category, or of all."""

    name: str
    cells: tuple[FigureCell, ...]
    rate: str
    rate_basis: str  # how the rate was worked out
    days: str


@value_class
class FigureTable:
    """The figures of a month: all together first, then by category."""

    total: FigureRow
    rows: list[FigureRow]
    is_over: bool


def span_of(period: Period, now: datetime) -> Span:
    """The period's span as far as it is over."""
    return span_until(at_civil(period.first), at_civil(period.last + DAY), now)


def ids_behind(
    db: Session, me: Onlooker, period: Period, figure: Figure, now: datetime
) -> frozenset[int]:
    """The ids of the rows behind a figure of the period."""
    span = span_of(period, now)
    return figures(problem_facts(db, me, span), span).ids[figure]


def figure_table(db: Session, me: Onlooker, period: Period, now: datetime) -> FigureTable:
    """All figures of the period that the viewer may see."""
    span = span_of(period, now)
    facts = problem_facts(db, me, span)
    found = by_category(facts, span)
    rows = [
        _row(category.name, found[category.id], period, category.id)
        for category in categories(db)
        if category.id in found
    ]
    return FigureTable(_row("合计", figures(facts, span), period), rows, period.last < me.on)


def _row(
    name: str, found: ProblemFigures, period: Period, category_id: int | None = None
) -> FigureRow:
    cells = tuple(
        FigureCell(
            found.count(figure),
            url_for(
                "problems.listing",
                view="all",
                period=period.name,
                figure=figure.value,
                category=category_id,
            ),
        )
        for figure in SHOWN
    )
    rate, days = found.closing_rate, found.median_days
    opened, raised = found.count(Figure.OPEN_AT_START), found.count(Figure.RAISED)
    basis = f"{found.count(Figure.CLOSED)} ÷（{opened} + {raised}）"

    return FigureRow(
        name,
        cells,
        "—" if rate is None else f"{rate:f}%",
        "" if rate is None else basis,
        "—" if days is None else f"{days:g} 天",
    )


def figure_name(period: Period, figure: Figure) -> str:
    """What the rows of a figure are: `2026年11月 本期提出`."""
    return f"{formatting.period_name(period)} {figure.label}"
