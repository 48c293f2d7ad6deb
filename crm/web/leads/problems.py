"""The problems of a lead on its page: those that are open, and what happened to all of them."""

from collections.abc import Iterator

from flask import url_for

from crm.base import formatting
from crm.base.clock import civil_date
from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.extensions import db
from crm.problems.models import Problem, ProblemFile
from crm.problems.queries import problems_of_lead
from crm.problems.rules import OVER
from crm.web.leads.events import Event, Happening
from crm.web.problems.onlooking import my_onlooker
from crm.web.problems.rows import BY_CLOCK, MARKS, TONES, late_text
from crm.web.transaction import today
from crm.web.visits.rows import Chip


@value_class
class OpenProblem:
    """An open problem in one line."""

    url: str
    matter: str
    unit: str
    due: str
    chip: Chip


@value_class
class LeadProblems:
    """The problems of a lead that the viewer may see."""

    open: list[OpenProblem]
    happened: list[Happening]


def lead_problems(lead_id: int) -> LeadProblems:
    me = my_onlooker()

    def read() -> LeadProblems:
        problems = problems_of_lead(db.session, me, lead_id)
        return LeadProblems(
            [_open(problem) for problem in problems if problem.state not in OVER],
            [happening for problem in problems for happening in _happened(problem)],
        )

    # most leads have none, and their page is opened often
    return remembered(
        *(db.session, "problems of a lead", lead_id, me.viewer.person_id, me.on), read=read
    )


def _open(problem: Problem) -> OpenProblem:
    late = late_text(problem, today())
    chip = Chip(late, "bad") if late else Chip(problem.state.label, TONES[problem.state])
    due = formatting.dated(problem.due_on, today())
    return OpenProblem(_url(problem), problem.matter, problem.unit.name, due, chip)


def _happened(problem: Problem) -> Iterator[Happening]:
    for entry in problem.entries:
        icon, tone = MARKS[entry.kind]
        event = Event(
            icon,
            f"困难问题{entry.kind.label}",
            formatting.dated(civil_date(entry.at), today()),
            tone,
            _url(problem),
            entry.by.name if entry.by else BY_CLOCK,
            # a lead may have several problems, so each step names its own
            texts=(problem.matter, entry.text) if entry.text else (problem.matter,),
            owner=(ProblemFile, problem.id),
            files_since=entry.at,
        )
        yield Happening(entry.at, event)


def _url(problem: Problem) -> str:
    return url_for("problems.show", problem_id=problem.id)
