"""Which figure of a person is the viewer's to see by name (REGIME 2)."""

from flask import abort, g

from crm.base.periods import Period
from crm.extensions import db
from crm.people.models import Person
from crm.people.queries import by_username
from crm.quotas.permissions import FigureScope, figure_scope
from crm.quotas.queries import PersonFigure, figure_of
from crm.web.auth import my_view
from crm.web.forms import YEARS, text_arg
from crm.web.transaction import moment, today


def my_figures() -> FigureScope:
    """Whose figures the signed-in person sees today."""
    if "figure_scope" not in g:
        g.figure_scope = figure_scope(db.session, my_view(), today())
    return g.figure_scope  # type: ignore[no-any-return]


def period_named(name: str) -> Period:
    """The period of that name; one that nobody can mean does not exist."""
    try:
        period = Period.parse(name)
    except ValueError:
        abort(404)
    return period if period.first.year in YEARS else abort(404)


def figure_asked_for() -> PersonFigure:
    """The figure of the address, by rule, person and period; where it is not mine: 404."""
    person: Person = by_username(db.session, text_arg("person")) or abort(404)
    of = figure_of(
        db.session,
        code=text_arg("rule"),
        person_id=person.id,
        period=period_named(text_arg("period")),
        as_of=moment(),
    )
    return of if of and my_figures().sees_figure(of) else abort(404)
