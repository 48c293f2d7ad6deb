"""The figures in danger of the units that a supervisor or leader oversees."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.periods import Period
from crm.people.permissions import Viewer, people_in
from crm.people.queries import unit_tree
from crm.quotas.permissions import FigureScope
from crm.quotas.queries import PersonFigure, figures, period_kinds
from crm.quotas.rules import IN_DANGER, FigureStatus
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


@dataclass(frozen=True, slots=True)
class Team:
    figures_by_unit: dict[str, list[FigureRow]]


def team_of(db: Session, viewer: Viewer, scope: FigureScope, on: date, now: datetime) -> Team:
    """Figures in danger in today's periods, of everyone in scope but the viewer."""
    # the viewer's own figures are in the cards above
    people = set(db.scalars(people_in(scope.unit_ids, on))) - {viewer.person_id}
    by_unit: dict[str, list[FigureRow]] = {}
    for figure in filter(scope.sees_figure, _figures_in_danger(db, people, on, now)):
        by_unit.setdefault(figure.unit_name, []).append(_figure_row(figure, on))
    return Team(by_unit)


def _figures_in_danger(
    db: Session, people: set[int], on: date, now: datetime
) -> list[PersonFigure]:
    """In the order of the unit tree, then by username: nobody is ranked (REGIME 3)."""
    current: list[PersonFigure] = []
    for kind in period_kinds(db) if people else ():
        period = Period.holding(kind, on)
        current += figures(db, period=period, as_of=now, person_ids=people)
    in_danger = [row for row in current if row.figure.status in IN_DANGER]
    # the tree is read only where there is something to sort
    places = {node.unit.id: place for place, node in enumerate(unit_tree(db))} if in_danger else {}
    return sorted(in_danger, key=lambda row: (places[row.unit_id], row.username))


def _figure_row(person_figure: PersonFigure, on: date) -> FigureRow:
    figure = person_figure.figure

    return FigureRow(
        person_figure.name,
        f"{period_label(figure.period, on)}{figure.rule.measure.label}",
        figure.status,
        f"{figure.achieved}/{figure.required}",
        figure_url(figure.rule.code, person_figure.username, figure.period),
    )
