"""Pages of problems (困难问题): the list, the figures, raising one, one problem (PROJECTS 5)."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.base.periods import Period, PeriodKind
from crm.base.refs import new_ref
from crm.base.sheets import Format
from crm.extensions import db
from crm.files.queries import counts_of
from crm.people.queries import units_held, units_named
from crm.problems.assignees import waiting_for
from crm.problems.categories import categories
from crm.problems.figures import Figure
from crm.problems.models import ProblemFile
from crm.problems.notifications import tell
from crm.problems.permissions import Onlooker
from crm.problems.queries import WITH_LEADS, ProblemFilter, all_problems, problems_page, seen
from crm.problems.raising import check_problem, first_entry, raise_problem
from crm.problems.rules import USUAL_TERM, ProblemState
from crm.problems.wording import obstacle_in
from crm.quotas.queries import working_calendar
from crm.visits.queries import visit_by_id
from crm.visits.redaction import shown
from crm.web.auth import my_view, signed_in
from crm.web.forms import (
    LARGEST_ID,
    at_cursor,
    enum_arg,
    is_faultless,
    query_arguments,
    row_id,
    show_refusal,
    text_arg,
)
from crm.web.problems.actions import act, page
from crm.web.problems.exports import file_of
from crm.web.problems.figures import SHORT, SHOWN, figure_name, figure_table, ids_behind
from crm.web.problems.files import FILES
from crm.web.problems.forms import FORMS, ProblemForm, set_choices
from crm.web.problems.onlooking import my_onlooker, problem_or_404
from crm.web.problems.rows import problem_line
from crm.web.proposed_dates import proposed_due_on
from crm.web.site import site
from crm.web.transaction import moment, today, transaction

bp = Blueprint("problems", __name__, url_prefix="/problems")
PROBLEM = f"/<int(max={LARGEST_ID}):problem_id>"
FILES.register(bp, PROBLEM)
bp.post(f"{PROBLEM}/<any({','.join(FORMS)}):step>")(act)
VIEWS = {"waiting": "待我处理", "mine": "我的", "unit": "本单位", "all": "全部"}


@bp.get("")
def listing() -> ResponseReturnValue:
    """What waits for me, mine, my units', or all that I may see."""
    me, asked = my_onlooker(), request.args.get("view", "")
    is_list = asked in VIEWS and asked != "waiting"
    waiting = [] if is_list else waiting_for(db.session, me, moment(), WITH_LEADS)
    # by default what waits for me, if anything does
    view = asked if asked in VIEWS else ("waiting" if waiting else "all")
    newer = older = None

    if view == "waiting":
        waits = {item.problem.id: item.wait for item in waiting}
        problems = [item.problem for item in waiting]
        lines = [
            problem_line(row, me.on, wait=waits[row.problem.id])
            for row in seen(db.session, me, problems)
        ]
    else:
        found = problems_page(db.session, me, _filter(me, view), request.args.get("at"))
        lines = [problem_line(row, me.on) for row in seen(db.session, me, found.items)]
        newer, older = at_cursor(found.newer), at_cursor(found.older)

    return render_template(
        "problems/list.html",
        view=view,
        lines=lines,
        newer=newer,
        older=older,
        tabs=_tabs(view, len(waiting)),
        behind=_figure_behind(),
        **_choices(view),
    )


def _tabs(view: str, waiting: int) -> list[dict[str, object]]:
    labels = VIEWS | ({"waiting": f"待我处理 {waiting}"} if waiting else {})
    tabs: list[dict[str, object]] = [
        {"url": url_for(".listing", view=code), "label": label, "active": code == view}
        for code, label in labels.items()
    ]
    return [*tabs, {"url": url_for(".figures"), "label": "统计", "active": view == "figures"}]


def _period() -> Period | None:
    try:
        return Period.parse(text_arg("period"))
    except ValueError:
        return None


def _filter(me: Onlooker, view: str) -> ProblemFilter:
    state, figure, period = text_arg("state"), enum_arg("figure", Figure), _period()
    is_counted = figure is not None and period is not None
    return ProblemFilter(
        text=text_arg("q"),
        is_mine=view == "mine",
        unit_ids=_my_units(me) if view == "unit" else None,
        state=enum_arg("state", ProblemState),
        is_open=state == "open" or (not state and not is_counted),
        category_id=request.args.get("category", type=row_id),
        lead_id=request.args.get("lead", type=row_id),
        is_overdue=bool(request.args.get("overdue")),
        ids=ids_behind(db.session, me, period, figure, moment()) if period and figure else None,
    )


def _my_units(me: Onlooker) -> frozenset[int]:
    """The units of the viewer's postings, with those that they oversee."""
    held = units_held(db.session, [me.viewer.person_id], me.on)
    return me.scope | frozenset(held[me.viewer.person_id])


def _figure_behind() -> str:
    """The figure of which the list shows the rows."""
    period, figure = _period(), enum_arg("figure", Figure)
    return figure_name(period, figure) if period and figure else ""


def _choices(view: str) -> dict[str, object]:
    if view == "waiting":
        return {}
    rows = categories(db.session)
    # the file has the whole list, and not a page of it
    exported = {**query_arguments(), "view": view, "at": None}
    return {
        "text": text_arg("q"),
        "states": [
            ("open", "未销号"),
            ("any", "全部状态"),
            *((state.value, state.label) for state in ProblemState),
        ],
        "state": text_arg("state") or "open",
        "categories": [("", "全部类别"), *((row.id, row.name) for row in rows)],
        "category": request.args.get("category", type=row_id) or "",
        "overdue": "1" if request.args.get("overdue") else "",
        "exports": [
            (form.name, url_for(".export", suffix=form.value, **exported))  # type: ignore[arg-type]
            for form in Format
        ],
    }


@bp.get("/export<any('.csv', '.xlsx'):suffix>")
def export(suffix: str) -> ResponseReturnValue:
    """The list as a file: exactly what is filtered."""
    form, me = Format(suffix), my_onlooker()
    problems = all_problems(db.session, me, _filter(me, text_arg("view")))
    files = counts_of(db.session, ProblemFile, [problem.id for problem in problems])
    return file_of(seen(db.session, me, problems), files, me.on, form)


@bp.get("/figures")
def figures() -> ResponseReturnValue:
    """The figures of a month, by category, of all that I may see."""
    current = Period.holding(PeriodKind.MONTH, today())
    period = _period() or current
    if period.kind is not PeriodKind.MONTH or period.first > today():
        abort(404)

    return render_template(
        "problems/figures.html",
        period=period,
        table=figure_table(db.session, my_onlooker(), period, moment()),
        heads=[figure.label for figure in SHOWN],
        short_heads=SHORT,
        previous=url_for(".figures", period=period.before.name),
        next=url_for(".figures", period=period.after.name) if period != current else None,
        current=url_for(".figures") if period != current else None,
        tabs=_tabs("figures", 0),
    )


@bp.get("/new")
def new() -> ResponseReturnValue:
    """The form of a new problem: of a lead, or of a visit's next step."""
    values: dict[str, Any] = {
        "ref": new_ref("K", today()),
        "due_on": proposed_due_on(USUAL_TERM),
        "lead_ids": list(filter(None, [request.args.get("lead", type=row_id)])),
    }
    return _new_page(ProblemForm(data=values | _of_visit()))


def _of_visit() -> dict[str, Any]:
    """What blocks a project and the next step, as a visit tells them, with its seen leads."""
    visit_id = request.args.get("visit", type=row_id)
    if visit_id is None:
        return {}
    visit = visit_by_id(db.session, my_view(), visit_id, today()) or abort(404)
    words = shown(db.session, my_view(), [visit], today())[0]
    obstacle = obstacle_in(words.minutes or "")
    known = {one.code: one.id for one in categories(db.session, offered=True)}
    named = units_named(db.session, words.next_step or "")
    return {
        "visit_id": str(visit.id),
        "matter": "；".join(filter(None, (obstacle.words if obstacle else "", words.next_step))),
        "category_id": known.get(obstacle.category) if obstacle else None,
        "unit_id": named[0].id if named else None,
        "lead_ids": [lead.id for lead in words.leads if lead.id],
    }


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Raise the problem; a form sent twice raises one."""
    form = ProblemForm()
    data = form.problem_data(today())

    if is_faultless(form, lambda: check_problem(db.session, data, by=signed_in(), on=today())):
        try:
            with transaction() as session:
                problem = raise_problem(
                    session,
                    data=data,
                    by=signed_in(),
                    calendar=working_calendar(session),
                    now=moment(),
                )
                entry = first_entry(session, problem)
                # in the transaction: no mail without the problem, and none is lost
                tell(session, problem=problem, entry=entry, site=site())
        except Refused as refusal:
            show_refusal(form, refusal, {"ref": ""})
        else:
            flash("困难问题已提出，已通知承办单位。", "success")
            return redirect(url_for(".show", problem_id=problem.id))

    return _new_page(form), 422


def _new_page(form: ProblemForm) -> str:
    set_choices(db.session, form, my_view(), today())
    return render_template("problems/new.html", form=form)


@bp.get(PROBLEM)
def show(problem_id: int) -> ResponseReturnValue:
    """One problem with its history and the steps that I may take."""
    return page(problem_or_404(problem_id))
