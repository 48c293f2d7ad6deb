"""The page of one problem, and the one route by which its steps are taken."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.extensions import db
from crm.leads.rules import Secrecy
from crm.people.officers import officers
from crm.problems.assignees import seeing, situation_of, waits_of
from crm.problems.models import Problem
from crm.problems.naming import may_be_named
from crm.problems.notifications import reaches_nobody, tell
from crm.problems.permissions import may_attach
from crm.problems.queries import SeenProblem, problem_of, seen_alone
from crm.problems.rules import OVER
from crm.problems.service import take_step
from crm.problems.workflow import PROBLEM_WORKFLOW, STEP_OF_WAIT, Actor, Step
from crm.quotas.queries import working_calendar
from crm.supervision.models import Order
from crm.supervision.permissions import may_see as may_see_order
from crm.supervision.problem_orders import order_of_problem
from crm.web.auth import my_view, signed_in
from crm.web.forms import refusal_beside
from crm.web.problems.files import FILES, of_problem
from crm.web.problems.forms import FORMS, StepForm, offer_names, set_step_choices
from crm.web.problems.onlooking import my_onlooker, problem_or_404
from crm.web.problems.rows import entry_lines, facts_of, problem_line
from crm.web.site import site
from crm.web.transaction import moment, today, transaction

MESSAGES = {
    Step.TAKE: "已受理。",
    Step.PASS_ON: "已转办。",
    Step.REFER: "已提请统筹单位明确承办单位。",
    Step.ASSIGN: "已明确承办单位。",
    Step.SOLVE: "已报送，请等待提出人确认。",
    Step.PROGRESS: "进展已登记。",
    Step.CLOSE: "已销号。",
    Step.RETURN: "已退回续办。",
    Step.SHELVE: "已暂缓，到期自动恢复办理。",
    Step.RESUME: "已恢复办理。",
    Step.WITHDRAW: "已撤回。",
    Step.NAME: "已指定办理人，已通知本人。",
}


def page(problem: Problem, sent: dict[Step, StepForm] | None = None, refusal: str = "") -> str:
    """The page of a problem; a form that was refused is shown again with its errors."""
    me, sent = my_onlooker(), sent or {}
    situation = situation_of(db.session, me, problem, moment())
    steps = PROBLEM_WORKFLOW.steps(situation)
    waits = waits_of(db.session, me, problem.id, moment())
    seen_problem = seen_alone(db.session, me, problem)
    forms = {
        step: sent.get(step) or _form_of(step, formdata=None, data=_given(step, problem))
        for step in FORMS
        if step in steps
    }
    taker = problem.person.name if problem.person else "本人"
    set_step_choices(db.session, forms, me.viewer, me.on, taker=taker)
    if Step.NAME in forms:
        candidates = may_be_named(db.session, problem, moment())
        offer_names(forms[Step.NAME], candidates)

    return render_template(
        "problems/show.html",
        problem=problem,
        line=problem_line(seen_problem, me.on),
        facts=facts_of(problem, me.on),
        entries=entry_lines(problem.entries, me.on),
        forms=forms,
        awaited=[step for wait, step in STEP_OF_WAIT.items() if wait in waits and step in forms],
        is_owner=Actor.OWNER in situation.actors,
        lacks_officer=_lacks_officer(seen_problem),
        order=_order_of(problem),
        files=FILES.part(of_problem(problem, may_add=may_attach(problem, situation.actors))),
        refusal=refusal,
        unsent=_unsent(sent, forms),
    )


def _given(step: Step, problem: Problem) -> dict[str, object]:
    """What a form begins with: whoever takes it keeps those who assist."""
    return {"unit_ids": [unit.id for unit in problem.units]} if step is Step.TAKE else {}


def _form_of(step: Step, **options: object) -> StepForm:
    """The form of a step; the prefix keeps the forms of one page apart."""
    return FORMS[step](prefix=f"{step.value}-", **options)


def _lacks_officer(seen: SeenProblem) -> bool:
    """Whether an officer could not act, as none is named on its restricted lead (PROJECTS 0)."""
    is_restricted = any(lead.secrecy is Secrecy.RESTRICTED for lead in seen.leads)
    if not is_restricted or seen.problem.state in OVER:
        return False
    return not seeing(db.session, seen.problem, officers(db.session, moment()), today())


def _order_of(problem: Problem) -> Order | None:
    """The supervision order that it became, where I may see it."""
    if problem.due_on >= today():
        return None
    order = order_of_problem(db.session, problem)
    is_seen = order and may_see_order(db.session, my_view(), order.id, today())
    return order if is_seen else None


def _unsent(sent: dict[Step, StepForm], shown: dict[Step, StepForm]) -> str:
    """Text typed for a step that has become impossible meanwhile, so that it is not lost."""
    lost = [form.step_input().text for step, form in sent.items() if step not in shown]
    return "\n".join(filter(None, lost))


def act(problem_id: int, step: str) -> ResponseReturnValue:
    """Take a step and send its mails; a refusal is shown at its field."""
    # the route admits only steps that have a form
    problem, taken = problem_or_404(problem_id), Step(step)
    form, refused = _form_of(taken), ""

    if form.validate():
        try:
            with transaction() as session:
                entry = take_step(
                    session,
                    problem=problem,
                    step=taken,
                    by=signed_in(),
                    calendar=working_calendar(session),
                    now=moment(),
                    given=form.step_input(),
                )
                # in the transaction of the step: no mail without it, and none is lost
                tell(session, problem=problem, entry=entry, site=site())
                has_no_reader = reaches_nobody(session, problem, entry)
        except Refused as refusal:
            refused = refusal_beside(form, refusal)
        else:
            flash(MESSAGES[taken], "success")
            if has_no_reader:
                flash("下一步目前无人可办，由系统管理员指定办理人。", "warning")
            return _after(problem_id)

    # read again: the refusal rolled the transaction back
    return page(problem_or_404(problem_id), {taken: form}, refused), 422


def _after(problem_id: int) -> ResponseReturnValue:
    """The problem's page; the list where I no longer see it, as after passing it on."""
    if problem_of(db.session, my_onlooker(), problem_id) is None:
        return redirect(url_for("problems.listing"))
    return redirect(url_for("problems.show", problem_id=problem_id))
