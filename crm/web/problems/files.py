"""The attachments of problems."""

from flask import url_for

from crm.extensions import db
from crm.problems.models import Problem, ProblemFile
from crm.problems.permissions import actors_of, may_attach
from crm.web.files.pages import FilePages, RecordWithFiles
from crm.web.problems.onlooking import my_onlooker, problem_or_404


def of_problem(problem: Problem, *, may_add: bool) -> RecordWithFiles:
    url = url_for("problems.show", problem_id=problem.id, _anchor="files")
    return RecordWithFiles(problem.id, problem.matter, url, may_add)


def _find(problem_id: int) -> RecordWithFiles:
    problem = problem_or_404(problem_id)
    actors = actors_of(db.session, my_onlooker(), problem)
    return of_problem(problem, may_add=may_attach(problem, actors))


FILES = FilePages(ProblemFile, key="problem_id", find=_find)
