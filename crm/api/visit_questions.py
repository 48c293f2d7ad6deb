"""What is asked before a visit is kept, as on the form (REGIME 3): answered by their tokens."""

from collections.abc import Collection, Iterable, Iterator
from http import HTTPStatus

from crm.api.call import Call
from crm.api.problems import Problem
from crm.people.queries import people_by_id
from crm.quotas.late_days import LateDays, waiting_days
from crm.visits.fields import VisitData
from crm.visits.models import Visit
from crm.visits.question_queries import outline_of, questions_on_saving
from crm.visits.questions import Doubt, Question

# REGIME 2: these say nothing of the other visit, which the asker may not see
WITHOUT_OTHER_VISIT = {Doubt.LEFT, Doubt.BUSY}


def require_answers(
    call: Call, data: VisitData, answers: Collection[str], was: Visit | None = None
) -> None:
    """Raise a `Problem` of 409 with the questions that `answers` leaves open."""
    draft = outline_of(call.db, data, call.viewer, call.on, was)
    asked = questions_on_saving(call.db, draft, call.viewer, call.on, was)
    late = waiting_days(call.db, data, was, call.on)
    tokens = [question.token for question in asked] + [days.token for days in late]
    if set(tokens) <= set(answers):
        return
    questions = [*_rows(call, asked), *_late_rows(call, late)]
    raise Problem(HTTPStatus.CONFLICT, "questions", members={"questions": questions})


def _rows(call: Call, asked: Iterable[Question]) -> Iterator[dict[str, object]]:
    questions = list(asked)
    ids = {person_id for question in questions for person_id in question.people}
    people = people_by_id(call.db, ids)
    for question in questions:
        hides_other = question.doubt in WITHOUT_OTHER_VISIT
        yield {
            "token": question.token,
            "code": question.doubt.value,
            "detail": f"{question.doubt.label}。",
            "visit_id": None if hides_other else question.other.id,
            "people": [people[person_id].username for person_id in sorted(question.people)],
        }


def _late_rows(call: Call, late: Iterable[LateDays]) -> Iterator[dict[str, object]]:
    for days in late:
        people = people_by_id(call.db, days.person_ids)
        first, last = days.dates[0], days.dates[-1]
        yield {
            "token": days.token,
            "code": "logged_late",
            "detail": f"{first} 至 {last} 超过 {days.within_days} 天的补录期限，"
            "须督查人员确认后计入。",
            "visit_id": None,
            "people": [people[person_id].username for person_id in days.person_ids],
        }
