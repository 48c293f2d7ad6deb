"""What a form asks before it keeps a visit: 合并, or 仍保存 (REGIME 3)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from crm.base import formatting
from crm.extensions import db
from crm.people.queries import people_by_id
from crm.quotas.late_days import LateDays, waiting_days
from crm.visits.checking import check_visit
from crm.visits.companions import left_by
from crm.visits.fields import VisitData, data_of
from crm.visits.models import Visit
from crm.visits.neighbours import outline_of, questions_about
from crm.visits.queries import visits_by_id
from crm.visits.questions import Doubt, Outline, Question, can_merge
from crm.visits.redaction import SeenVisit, shown
from crm.visits.rules import Status
from crm.web.auth import my_view, signed_in
from crm.web.forms import row_id
from crm.web.transaction import moment, today
from crm.web.visits.forms import VisitForm
from crm.web.visits.rows import title_of, when

DO = "do"  # the name of the buttons beside 保存
KEEP, MERGE = "keep", "merge"
MOST_LINES = 6
OF_ITSELF = {Doubt.LEFT, Doubt.BUSY}  # which name no other visit


@dataclass(frozen=True, slots=True)
class AskedLine:
    """A question in words, and the page of the other visit where it may be seen."""

    text: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Asking:
    """The questions of a form, and the buttons that answer them."""

    lines: list[AskedLine]
    buttons: list[tuple[str, str]]


def asks(form: VisitForm, data: VisitData, was: Visit | None = None) -> bool:
    """Whether the form asks something that was not answered yet; then it shows it.

    What cannot be kept is refused before anything is asked: a question would tell of it.
    """
    check_visit(db.session, data, my_view(), moment(), was)
    form.asking = asking_about(data, was)
    return form.asking is not None


def asking_about(data: VisitData, was: Visit | None = None) -> Asking | None:
    """What is to be asked and was not answered yet; of a change, only what it brings about."""
    if data.status is Status.CANCELLED:
        return None
    draft = outline_of(db.session, data, my_view(), today(), was)
    found = _new_questions(draft, was) + _left(draft, was)
    late = waiting_days(db.session, data, was, today())
    tokens = [*(each.token for each in found), *(each.token for each in late)]
    if set(tokens) <= set(_answer(KEEP)):
        return None
    asking = _asking(draft, found, tokens, is_new=was is None)
    return replace(asking, lines=[*asking.lines, *map(_waiting_line, late)])


def ask_again(asking: Asking, back: str) -> ResponseReturnValue:
    """The same request once more, with the answer that keeps it."""
    told = [each for each in request.form.items(multi=True) if each[0] not in (DO, "csrf_token")]
    told.append((DO, asking.buttons[0][0]))
    page = {"form": FlaskForm(), "asking": asking, "told": told, "back": back}
    return render_template("visits/asked.html", **page), 422


def merged_with() -> int | None:
    """The visit into which the one of the form is to be folded; none where it is not."""
    try:
        return next((row_id(each) for each in _answer(MERGE)), None)
    except ValueError:
        return None


def _answer(what: str) -> list[str]:
    said, *values = request.form.get(DO, "").split() or [""]
    return values if said == what else []


def _new_questions(draft: Outline, was: Visit | None) -> list[Question]:
    found = questions_about(db.session, draft, my_view(), today())
    if was is None:
        return found
    before = outline_of(db.session, data_of(was), my_view(), today(), was)
    known = {each.token for each in questions_about(db.session, before, my_view(), today())}
    return [each for each in found if each.token not in known]


def _left(draft: Outline, was: Visit | None) -> list[Question]:
    """Whoever took themself out takes part again only knowingly."""
    if was is None:
        return []
    there = {was.leader_id, *(person.id for person in was.participants)}
    again = (draft.people - there) & left_by(db.session, was.id).keys()
    return [Question(Doubt.LEFT, draft, frozenset(again))] if again else []


def _asking(draft: Outline, found: list[Question], tokens: list[str], *, is_new: bool) -> Asking:
    visits = _visits(each.other.id for each in found if each.doubt not in OF_ITSELF)
    people = {person_id for each in found for person_id in each.people}
    names = {each.id: each.name for each in people_by_id(db.session, people).values()}
    buttons = [(" ".join([KEEP, *tokens]), "仍保存")]

    for each in found:
        other = visits.get(each.other.id)
        if is_new and other and can_merge(draft, each):
            buttons.append((f"{MERGE} {other.id}", f"合并到{_named(other)}"))

    lines = [_line(each, visits, names) for each in found[:MOST_LINES]]
    if (more := len(found) - MOST_LINES) > 0:
        lines.append(AskedLine(f"另有 {more} 处类似情况。", None))

    return Asking(lines, buttons)


def _visits(ids: Iterable[int | None]) -> dict[int | None, SeenVisit]:
    visits = visits_by_id(db.session, {each for each in ids if each})
    return {each.id: each for each in shown(db.session, my_view(), visits, today())}


def _named(visit: SeenVisit) -> str:
    return f"{when(visit, today())}的{title_of(visit)}"


def _line(
    question: Question, visits: dict[int | None, SeenVisit], names: dict[int, str]
) -> AskedLine:
    who = "、".join(names[each] for each in sorted(question.people))
    if question.doubt is Doubt.LEFT:
        return AskedLine(f"{who}已说明未参加这次拜访，仍要列入吗？", None)
    if question.doubt is Doubt.BUSY:
        is_one_day = question.other.first_on == question.other.last_on
        return AskedLine(f"{who}{'当天' if is_one_day else '期间'}已另有拜访登记。", None)

    other = visits[question.other.id]

    match question.doubt:
        case Doubt.SAME_VISIT:
            text = f"{_named(other)}（{other.leader.name}带队）可能就是这一次。"
        case Doubt.STAY_OVER_STAY:
            text = f"{who}已有{_named(other)}，驻城日期重叠。"
        case _:
            text = f"{who}已有{_named(other)}，同一时间在两个城市。"

    return AskedLine(text, url_for("visits.show", visit_id=other.id))


def _waiting_line(late: LateDays) -> AskedLine:
    """Which days of the visit will wait for a verdict."""
    others = set(late.person_ids) - {signed_in().id}
    names = ["您"] if signed_in().id in late.person_ids else []
    names += [person.name for person in people_by_id(db.session, others).values()]
    dates = formatting.span(late.dates[0], late.dates[-1])
    text = (
        f"本次登记中{'、'.join(names)}的 {dates} 共 {len(late.dates)} 天，最早一天已过去 "
        f"{late.late_by_days} 天，超过 {late.within_days} 天的补录期限，须督查人员确认后计入。"
    )
    return AskedLine(text, None)
