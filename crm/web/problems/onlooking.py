"""The signed-in person before problems."""

from flask import abort

from crm.extensions import db
from crm.problems.models import Problem
from crm.problems.permissions import Onlooker, onlooker
from crm.problems.queries import problem_of
from crm.web.auth import my_view
from crm.web.transaction import today


def my_onlooker() -> Onlooker:
    """The signed-in person as an onlooker of problems."""
    return onlooker(db.session, my_view(), today())


def problem_or_404(problem_id: int) -> Problem:
    """The visible problem with all that its page shows."""
    return problem_of(db.session, my_onlooker(), problem_id) or abort(404)
