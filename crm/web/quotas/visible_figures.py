"""The figures that the signed-in person sees by name, and their addresses (REGIME 2)."""

from functools import lru_cache

from flask import abort, g, request, url_for

from crm.base.periods import Period
from crm.extensions import db
from crm.people.models import Person
from crm.people.queries import by_username
from crm.quotas.permissions import FigureScope, figure_scope
from crm.quotas.queries import PersonFigure, explained_figures
from crm.web.auth import my_view
from crm.web.forms import YEARS, text_arg
from crm.web.transaction import moment, today


def my_figure_scope() -> FigureScope:
    """Whose figures the signed-in person sees today, read once a request."""
    if "figure_scope" not in g:
        g.figure_scope = figure_scope(db.session, my_view(), today())
    return g.figure_scope  # type: ignore[no-any-return]


def period_or_404(name: str) -> Period:
    """The period of that name; 404 for a malformed name or a year out of range."""
    try:
        period = Period.parse(name)
    except ValueError:
        abort(404)
    return period if period.first.year in YEARS else abort(404)


def requested_figure() -> PersonFigure:
    """The figure that the address names by rule, person and period; 404 where I may not see it.

    Without a rule it is the first that I see, where most people have one.
    """
    person: Person = by_username(db.session, _named("person")) or abort(404)
    code = _named("rule")
    found = explained_figures(
        db.session,
        period=period_or_404(_named("period")),
        as_of=moment(),
        codes=[code] if code else None,
        person_ids=[person.id],
    )
    # one answer for both: whether there is a figure is not everybody's to know
    return next(filter(my_figure_scope().sees_figure, found), None) or abort(404)


def _named(part: str) -> str:
    """A part of the address, from its path or its query."""
    return (request.view_args or {}).get(part) or text_arg(part)


# a board has hundreds; to put an address together takes longer than to write its row
@lru_cache(maxsize=2_000)
def figure_url(rule_code: str | None, username: str, period: Period) -> str:
    """The address of the page that explains the figure; without a rule, the person's only one."""
    return url_for("compliance.figure", rule=rule_code, person=username, period=period.name)
