"""The figures in danger of the units that a supervisor or leader oversees."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.periods import Period
from crm.base.remembered import remembered
from crm.people.permissions import Viewer, people_in
from crm.quotas.permissions import FigureScope
from crm.quotas.queries import PersonFigure, figures_in_scope, period_kinds
from crm.quotas.rules import IN_DANGER, FigureStatus
from crm.quotas.status_reasons import status_reason
from crm.web.quotas.labels import period_label
from crm.web.quotas.visible_figures import figure_url


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A person's figure in danger, with the address of its explanation."""

    name: str
    quota: str
    status: FigureStatus
    text: str
    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class Team:
    figures_by_unit: dict[str, list[FigureRow]]


def team_of(db: Session, viewer: Viewer, scope: FigureScope, on: date, now: datetime) -> Team:
    """Figures in danger in today's periods, of everyone in scope but the viewer."""
    people = remembered(
        *(db, "people in", scope.unit_ids, on),
        read=lambda: frozenset(db.scalars(people_in(scope.unit_ids, on))),
    )
    # the viewer's own figures are in the cards above
    others = people - {viewer.person_id}
    seen = filter(scope.sees_figure, _figures_in_danger(db, scope, others, on, now))
    places = {node.unit.id: place for place, node in enumerate(viewer.tree)}
    by_unit: dict[str, list[FigureRow]] = {}

    # REGIME 3: nobody is ranked
    for figure in sorted(seen, key=lambda figure: (places[figure.unit_id], figure.username)):
        by_unit.setdefault(figure.unit_name, []).append(_figure_row(figure, on))

    return Team(by_unit)


def _figures_in_danger(
    db: Session, scope: FigureScope, people: frozenset[int], on: date, now: datetime
) -> list[PersonFigure]:
    """The figures in danger of these people in today's periods."""
    current: list[PersonFigure] = []
    for kind in period_kinds(db) if people else ():
        current += figures_in_scope(db, scope, Period.holding(kind, on), now)
    return [row for row in current if row.figure.status in IN_DANGER and row.person_id in people]


def _figure_row(person_figure: PersonFigure, on: date) -> FigureRow:
    figure = person_figure.figure

    return FigureRow(
        person_figure.name,
        f"{period_label(figure.period, on)}{figure.rule.measure.label}",
        figure.status,
        f"{figure.achieved}/{figure.required}",
        figure_url(figure.rule.code, person_figure.username, figure.period),
        status_reason(figure),
    )
