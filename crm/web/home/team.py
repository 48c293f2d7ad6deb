"""What a supervisor or leader should know this morning of the units they oversee."""

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
class InTrouble:
    """One person's figure that needs attention, with the way to its explanation."""

    name: str
    when: str
    status: FigureStatus
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Team:
    """The units' trouble, by unit."""

    units: dict[str, list[InTrouble]]


def team_of(db: Session, viewer: Viewer, sight: FigureScope, on: date, now: datetime) -> Team:
    """The trouble of everybody in scope but the viewer, in the periods that hold today."""
    people = set(db.scalars(people_in(sight.unit_ids, on))) - {viewer.person_id}
    units: dict[str, list[InTrouble]] = {}
    for each in filter(sight.sees_figure, _troubled(db, people, on, now)):
        units.setdefault(each.unit_name, []).append(_told(each, on))
    return Team(units)


def _troubled(db: Session, people: set[int], on: date, now: datetime) -> list[PersonFigure]:
    """In the order of the tree and of names; nobody is ranked (REGIME 3)."""
    found = []
    for kind in period_kinds(db) if people else ():
        period = Period.holding(kind, on)
        found += figures(db, period=period, as_of=now, person_ids=people)
    troubled = [each for each in found if each.figure.status in IN_DANGER]
    places = {node.unit.id: place for place, node in enumerate(unit_tree(db))} if troubled else {}
    return sorted(troubled, key=lambda each: (places[each.unit_id], each.username))


def _told(each: PersonFigure, on: date) -> InTrouble:
    figure = each.figure

    return InTrouble(
        each.name,
        f"{period_label(figure.period, on)}{figure.rule.measure.label}",
        figure.status,
        f"{figure.achieved}/{figure.required}",
        figure_url(figure.rule.code, each.username, figure.period),
    )
