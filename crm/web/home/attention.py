"""Who will miss a quota, of the units that a supervisor or leader oversees, and why."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import groupby

from sqlalchemy.orm import Session

from crm.base.periods import Period
from crm.base.remembered import remembered_long
from crm.base.value_class import value_class
from crm.people.permissions import Viewer, people_in
from crm.quotas.permissions import FigureScope
from crm.quotas.queries import PersonFigure, figures_in_scope, period_kinds
from crm.quotas.rules import IN_DANGER, FigureStatus
from crm.quotas.status_reasons import status_reason
from crm.quotas.wording import unit_of
from crm.web.quotas.visible_figures import figure_url

MOST_LINES = 8  # what a phone shows at once


@value_class
class AttentionLine:
    """A person's figure in danger, with the reason and the address of its explanation."""

    name: str
    measure: str
    tally: str
    status: FigureStatus
    reason: str
    url: str


@value_class
class UnitLines:
    """A unit with those of its people that are shown."""

    name: str
    lines: list[AttentionLine]


@value_class
class Attention:
    """The figures in danger, as far as there is room for them."""

    summary: str  # how many people are in danger
    units: list[UnitLines]
    left_out: int  # people


def attention_of(
    db: Session, viewer: Viewer, scope: FigureScope, on: date, now: datetime
) -> Attention:
    """Figures in danger in today's periods, of everyone in scope but the viewer."""
    people = remembered_long(
        *(db, "people in", scope.unit_ids, on),
        read=lambda: frozenset(db.scalars(people_in(scope.unit_ids, on))),
    )
    # the viewer's own figures have a card
    others = people - {viewer.person_id}
    places = {node.unit.id: place for place, node in enumerate(viewer.tree)}
    in_danger = _figures_in_danger(db, scope, others, on, now)
    figures = sorted(
        filter(scope.sees_figure, in_danger),
        key=lambda judged: (places[judged.unit_id], *_by_status(judged)),
    )
    shown = _spread(figures)

    return Attention(
        summary="，".join(_summary(figures)),
        units=[
            UnitLines(group[0].unit_name, [_line(judged) for judged in group])
            for group in _by_unit(judged for judged in figures if judged in shown)
        ],
        left_out=len(_people(figures) - _people(shown)),
    )


def _figures_in_danger(
    db: Session, scope: FigureScope, people: frozenset[int], on: date, now: datetime
) -> list[PersonFigure]:
    """The figures in danger of these people in today's periods."""
    current: list[PersonFigure] = []
    for kind in period_kinds(db) if people else ():
        current += figures_in_scope(db, scope, Period.holding(kind, on), now)
    return [row for row in current if row.figure.status in IN_DANGER and row.person_id in people]


def _by_status(judged: PersonFigure) -> tuple[int, str]:
    # REGIME 3: nobody is ranked by how much they have done
    return IN_DANGER.index(judged.figure.status), judged.username


def _by_unit(figures: Iterable[PersonFigure]) -> Iterator[list[PersonFigure]]:
    for _, group in groupby(figures, key=lambda judged: judged.unit_id):
        yield list(group)


def _spread(figures: Sequence[PersonFigure]) -> list[PersonFigure]:
    """Those for which there is room: the worse first, and of each unit one before a second."""
    placed = [
        (IN_DANGER.index(judged.figure.status), place, judged)
        for group in _by_unit(figures)
        for place, judged in enumerate(group)
    ]
    placed.sort(key=lambda entry: entry[:2])
    return [judged for *_, judged in placed[:MOST_LINES]]


def _summary(figures: Iterable[PersonFigure]) -> Iterator[str]:
    """How many people have a figure of each status, by their worst one."""
    by_status: defaultdict[FigureStatus, set[int]] = defaultdict(set)
    for judged in figures:
        by_status[judged.figure.status].add(judged.person_id)

    counted: set[int] = set()
    for status in IN_DANGER:
        if people := by_status[status] - counted:
            yield f"{len(people)} 人{status.label}"
        counted |= people


def _people(figures: Iterable[PersonFigure]) -> set[int]:
    return {judged.person_id for judged in figures}


def _line(judged: PersonFigure) -> AttentionLine:
    figure = judged.figure

    return AttentionLine(
        judged.name,
        figure.rule.measure.label,
        f"{figure.achieved}/{figure.required} {unit_of(figure.rule)}",
        figure.status,
        status_reason(figure),
        figure_url(figure.rule.code, judged.username, figure.period),
    )
