"""What a form asks before it saves a visit: 合并 or 仍保存, and a reason (REGIME 3 and 4)."""

from collections.abc import Iterable, Sequence

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from crm.base import formatting
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.extensions import db
from crm.people.queries import people_by_id
from crm.quotas.frozen_edits import (
    AffectedFigures,
    frozen_periods_of,
    may_change_figures,
    reach_of_data,
    reach_of_visit,
)
from crm.quotas.late_days import LateDays, waiting_days
from crm.visits.fields import VisitData
from crm.visits.models import Visit
from crm.visits.queries import visits_by_id
from crm.visits.question_queries import outline_of, outline_of_new, questions_on_saving
from crm.visits.questions import Doubt, Outline, Question, can_merge
from crm.visits.redaction import SeenVisit, shown
from crm.visits.rules import Status
from crm.visits.validation import NewVisit, check_new_visit, check_visit
from crm.web.auth import my_view, signed_in
from crm.web.forms import row_id
from crm.web.transaction import moment, today
from crm.web.visits.forms import VisitForm
from crm.web.visits.rows import title_of, when_label

DO = "do"  # the name of the buttons beside 保存
KEEP, MERGE = "keep", "merge"
MOST_ROWS = 6
# REGIME 2: these say nothing of the other visit, which the asker may not see
WITHOUT_OTHER_VISIT = {Doubt.LEFT, Doubt.BUSY}


@value_class
class QuestionRow:
    """A question, with the page of the other visit where the reader may see it."""

    text: str
    url: str | None


@value_class
class Prompt:
    """The questions of a form, and the buttons that answer them."""

    rows: list[QuestionRow]
    buttons: list[tuple[str, str]]


def note_frozen(form: VisitForm, *reaches: AffectedFigures) -> None:
    """Let the form ask for a reason where a figure of somebody concerned is frozen."""
    periods = frozen_periods_of(db.session, *reaches)
    form.frozen = [formatting.period_name(period) for period in periods]


def require_reason(form: VisitForm, data: VisitData, was: SeenVisit | None = None) -> None:
    """Refuse as `required` a form that changes frozen figures without a reason."""
    note_frozen(form, reach_of_data(data), *([reach_of_visit(was)] if was else []))
    if form.frozen and may_change_figures(data, was) and not data.reason:
        raise Refused("required", field="reason")


def checked(form: VisitForm, data: VisitData) -> NewVisit | None:
    """The visit as it may be logged; None where the form has unanswered questions to show."""
    # refused before anything is asked: a question tells of other visits
    new = check_new_visit(db.session, data, my_view(), moment())
    form.prompt = _prompt(data, outline_of_new(new, my_view()))
    return None if form.prompt else new


def must_ask(form: VisitForm, data: VisitData, was: Visit) -> bool:
    """Whether the changed form has unanswered questions; it then shows them."""
    # as above: what may not be saved is refused first
    check_visit(db.session, data, my_view(), moment(), was)
    form.prompt = prompt_about(data, was)
    return form.prompt is not None


def prompt_about(data: VisitData, was: Visit | None = None) -> Prompt | None:
    """The unanswered questions about the data; of a change, only those that it brings about."""
    if data.status is Status.CANCELLED:
        return None
    return _prompt(data, outline_of(db.session, data, my_view(), today(), was), was)


def _prompt(data: VisitData, draft: Outline, was: Visit | None = None) -> Prompt | None:
    questions = questions_on_saving(db.session, draft, my_view(), today(), was)
    late = waiting_days(db.session, data, was, today())
    # the button names every question: one that is new since then is asked again
    tokens = [question.token for question in questions] + [days.token for days in late]
    if set(tokens) <= set(answer(KEEP)):
        return None

    visits = _other_visits(questions)
    buttons = [(" ".join([KEEP, *tokens]), "仍保存")]
    if was is None:  # a visit that is saved already is never merged
        buttons += _merge_buttons(draft, questions, visits)
    return Prompt([*_rows(questions, visits), *map(_late_row, late)], buttons)


def prompt_page(prompt: Prompt, back: str) -> ResponseReturnValue:
    """A page that sends the same request again, with the answer that saves it."""
    sent = [pair for pair in request.form.items(multi=True) if pair[0] not in (DO, "csrf_token")]
    # the first button keeps what was asked for
    sent.append((DO, prompt.buttons[0][0]))
    context = {"form": FlaskForm(), "prompt": prompt, "sent": sent, "back": back}
    return render_template("visits/prompt.html", **context), 422


def merge_target_id() -> int | None:
    """The visit into which the form's one is to be merged; none where it is not."""
    try:
        return next((row_id(value) for value in answer(MERGE)), None)
    except ValueError:
        return None


def answer(name: str) -> list[str]:
    """The values of the pressed button, where it is the one of that name."""
    pressed, *values = request.form.get(DO, "").split() or [""]
    return values if pressed == name else []


def _other_visits(questions: Iterable[Question]) -> dict[int | None, SeenVisit]:
    ids = {question.other.id for question in questions if question.doubt not in WITHOUT_OTHER_VISIT}
    visits = visits_by_id(db.session, {visit_id for visit_id in ids if visit_id})
    return {visit.id: visit for visit in shown(db.session, my_view(), visits, today())}


def _merge_buttons(
    draft: Outline, questions: Iterable[Question], visits: dict[int | None, SeenVisit]
) -> list[tuple[str, str]]:
    return [
        (f"{MERGE} {visit.id}", f"合并到{_label(visit)}")
        for question in questions
        if (visit := visits.get(question.other.id)) and can_merge(draft, question)
    ]


def _rows(
    questions: Sequence[Question], visits: dict[int | None, SeenVisit]
) -> Iterable[QuestionRow]:
    people = people_by_id(
        db.session, {person_id for question in questions for person_id in question.people}
    )
    names = {person.id: person.name for person in people.values()}

    for question in questions[:MOST_ROWS]:
        yield _row(question, visits, names)

    if (more := len(questions) - MOST_ROWS) > 0:
        yield QuestionRow(f"另有 {more} 处类似情况。", None)


def _label(visit: SeenVisit) -> str:
    return f"{when_label(visit, today())}的{title_of(visit)}"


def _row(
    question: Question, visits: dict[int | None, SeenVisit], names: dict[int, str]
) -> QuestionRow:
    who = "、".join(names[person_id] for person_id in sorted(question.people))
    if question.doubt is Doubt.LEFT:
        return QuestionRow(f"{who}已说明未参加这次拜访，请确认是否仍列入。", None)
    if question.doubt is Doubt.BUSY:
        is_one_day = question.other.first_on == question.other.last_on
        return QuestionRow(f"{who}{'当天' if is_one_day else '期间'}已另有拜访登记。", None)

    other = visits[question.other.id]

    match question.doubt:
        case Doubt.SAME_VISIT:
            text = f"{_label(other)}（{other.leader.name}带队）可能是同一次拜访。"
        case Doubt.STAY_OVER_STAY:
            text = f"{who}已有{_label(other)}，驻城日期重叠。"
        case _:
            text = f"{who}已有{_label(other)}，同一时间在两个城市。"

    return QuestionRow(text, url_for("visits.show", visit_id=other.id))


def _late_row(late: LateDays) -> QuestionRow:
    """Which days of the visit will wait for a verdict."""
    me = signed_in().id
    others = people_by_id(db.session, set(late.person_ids) - {me}).values()
    names = ["您"] if me in late.person_ids else []
    names += [person.name for person in others]
    dates = formatting.span(late.dates[0], late.dates[-1])
    text = (
        f"本次登记中{'、'.join(names)}的 {dates} 共 {len(late.dates)} 天，最早一天已过去 "
        f"{late.late_by_days} 天，超过 {late.within_days} 天的补录期限，须督查人员确认后计入。"
    )
    return QuestionRow(text, None)
