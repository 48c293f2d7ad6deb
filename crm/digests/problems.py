"""The problems of the recipient's units in digests and in the ten-day list (PROJECTS 5)."""

from collections.abc import Collection, Iterator
from datetime import date

from crm.base.value_class import value_class
from crm.digests.document import Line, Link, Section
from crm.problems.figure_queries import UnitProblem
from crm.problems.figures import Figure, ProblemFigures, Span, by_category, figures


@value_class
class ProblemsPart:
    """The figures of the units' problems; nothing at all is false."""

    total: ProblemFigures
    by_category: tuple[tuple[str, ProblemFigures], ...]
    has_page: bool  # whether the recipient can open the list

    def __bool__(self) -> bool:
        return bool(self.total.base)


def problems_part(
    problems: Collection[UnitProblem], span: Span, unit_ids: Collection[int], *, has_page: bool
) -> ProblemsPart:
    """The figures of the problems that these units own."""
    own = [problem for problem in problems if problem.unit_id in unit_ids]
    names = {problem.facts.category_id: problem.category for problem in own}
    found = by_category([problem.facts for problem in own], span)
    total = figures([problem.facts for problem in own], span)
    return ProblemsPart(total, tuple((names[key], of) for key, of in found.items()), has_page)


def problem_sections(part: ProblemsPart, this: str) -> Iterator[Section]:
    """One line; the categories stand on the digest's page."""
    if not part:
        return
    yield Section(
        "problems",
        "困难问题",
        note=f"{_counts(part.total, this)}。",
        lines=tuple(Line(name, value=_short(of)) for name, of in part.by_category),
        links=(Link("查看困难问题", "/problems/figures"),) if part.has_page else (),
        in_mail=0 if part.by_category else None,
    )


def _counts(found: ProblemFigures, this: str) -> str:
    count, rate, days = found.count, found.closing_rate, found.median_days
    parts = [
        f"期初未销号 {count(Figure.OPEN_AT_START)} 件",
        f"{this}提出 {count(Figure.RAISED)} 件、销号 {count(Figure.CLOSED)} 件",
        f"期末逾期 {count(Figure.OVERDUE)} 件",
        "" if rate is None else f"办结率 {rate:f}%",
        "" if days is None else f"销号用时中位数 {days:g} 天",
    ]
    return "，".join(filter(None, parts))


def _short(found: ProblemFigures) -> str:
    late = f"，逾期 {found.count(Figure.OVERDUE)}" if found.count(Figure.OVERDUE) else ""
    closed = found.count(Figure.CLOSED)
    return f"未销号 {found.count(Figure.LEFT)}，销号 {closed}{late}"


@value_class
class OverdueProblem:
    """A problem past its due date, in the ten-day list."""

    id: int
    matter: str
    unit_name: str
    due_on: date
    days: int
