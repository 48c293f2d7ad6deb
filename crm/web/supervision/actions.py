"""The page of one order, and the steps that may be taken with it: each through one door."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.extensions import db
from crm.quotas.queries import working_calendar
from crm.supervision.assignees import waits_of
from crm.supervision.models import Order
from crm.supervision.notifications import reaches_nobody, receivers, tell
from crm.supervision.permissions import situation_of
from crm.supervision.queries import order_of
from crm.supervision.rules import CLOSED, OrderKind, OrderState, due_on
from crm.supervision.service import take_step
from crm.supervision.workflow import (
    DECIDING,
    ORDER_WORKFLOW,
    STEP_OF_WAIT,
    STEPS_OF_UNIT,
    Actor,
    Step,
    Wait,
)
from crm.web.auth import my_view, signed_in
from crm.web.errors import refusal_text
from crm.web.forms import show_refusal
from crm.web.site import site
from crm.web.supervision.causes import causes_of
from crm.web.supervision.forms import FORMS, StepForm
from crm.web.supervision.rows import due_if_issued, entry_lines, facts_of, order_line
from crm.web.transaction import moment, today, transaction


@dataclass(frozen=True, slots=True)
class ReachedLine:
    """Whom a draft would reach, or why it would reach nobody; one of the two."""

    text: str
    nobody: str


DONE = {
    Step.ISSUE: "督办单已下达。",
    Step.DROP: "已记为不予下达。",
    Step.RECEIVE: "已签收。",
    Step.PROGRESS: "进展已记入。",
    Step.EXTEND: "已申请延期，请等待批复。",
    Step.GRANT: "已同意延期。",
    Step.REFUSE: "已答复不同意延期。",
    Step.ANSWER: "已反馈，请等待销号。",
    Step.ACCEPT: "已销号。",
    Step.RETURN: "已退回续办。",
}


def found(order_id: int) -> Order:
    """The order with all that its page shows, where I may see it; else there is none."""
    return order_of(db.session, my_view(), order_id, today()) or abort(404)


def form_of(step: Step, **given: Any) -> StepForm:
    """The form of a step: its fields' names begin with the step's, for several share a page."""
    return FORMS[step](prefix=f"{step.value}-", **given)


def page(order: Order, given: Mapping[Step, StepForm] | None = None, refusal: str = "") -> str:
    """The page of an order, with fresh forms but for the one that is given back with its errors."""
    me, on, given = my_view(), today(), given or {}
    situation = situation_of(db.session, me, order, on)
    steps = ORDER_WORKFLOW.steps(situation)
    waits = waits_of(db.session, me, order.id, moment())
    forms = {
        step: given.get(step) or form_of(step, formdata=None) for step in FORMS if step in steps
    }
    is_deciding = not situation.actors.isdisjoint(DECIDING) and Actor.PERSON not in situation.actors
    reached = _receivers(order) if Step.ISSUE in steps else None
    if reached and reached.nobody:
        forms.pop(Step.ISSUE)

    return render_template(
        "supervision/show.html",
        order=order,
        line=order_line(order, on),
        facts=facts_of(order, on),
        causes=causes_of(db.session, order, moment(), on),
        entries=entry_lines(order.entries, on),
        forms=forms,
        awaited=[step for wait, step in STEP_OF_WAIT.items() if wait in waits and step in FORMS],
        is_to_urge=Wait.OVERDUE in waits,
        for_unit=STEPS_OF_UNIT if is_deciding else (),
        can_edit=Step.CHANGE in steps,
        reached=reached,
        due_today=_due_today(order.kind) if order.state is OrderState.DRAFT else None,
        refusal=refusal,
        unsent=_unsent(given, forms),
        is_closed=order.state in CLOSED,
    )


def _receivers(order: Order) -> ReachedLine:
    """Whom the draft would reach, named before it is issued."""
    found = receivers(db.session, order, signed_in(), moment())
    units = [(order.unit.name, found.leading), *((one.name, some) for one, some in found.assisting)]
    reached = [f"{name}（{'、'.join(one.name for one in some)}）" for name, some in units if some]
    missed = [unit.name for unit, some in found.assisting if not some]
    if found:
        text = f"下达后将通知：{'；'.join(reached)}。"
        return ReachedLine(text + (f"配合单位{'、'.join(missed)}无人收到。" if missed else ""), "")
    code = "nobody_may_know" if found.hidden else "nobody_receives"
    return ReachedLine("", refusal_text(Refused(code, unit=order.unit.name)))


def _unsent(given: Mapping[Step, StepForm], shown: Mapping[Step, StepForm]) -> str:
    """What was typed for a step that is not to be taken any more: it is not lost."""
    lost = (form for step, form in given.items() if step not in shown)
    return "\n".join(
        field.data
        for form in lost
        for field in form
        if field.short_name in ("text", "reason", "basis") and field.data
    )


def _due_today(kind: OrderKind) -> Any:
    return due_on(kind, today(), working_calendar(db.session))


def dues_today() -> str:
    """What an order issued today would be due on, kind by kind."""
    calendar = working_calendar(db.session)
    return due_if_issued({kind: due_on(kind, today(), calendar) for kind in OrderKind}, today())


def act(order_id: int, step: str) -> ResponseReturnValue:
    """Take a step with an order, and tell whom it concerns; a refusal stands at its field."""
    order, taken = found(order_id), Step(step)
    form, refused = form_of(taken), ""

    if form.validate():
        try:
            with transaction() as rows:
                entry = take_step(
                    rows,
                    order=order,
                    step=taken,
                    by=signed_in(),
                    now=moment(),
                    text=form.words,
                    new_due_on=form.later_on,
                )
                tell(rows, order=order, entry=entry, site=site())
                is_unheard = reaches_nobody(rows, order, entry)
        except Refused as refusal:
            refused = _show(form, refusal)
        else:
            flash(DONE[taken], "success")
            if is_unheard:
                flash("目前没有人能收到这一步的通知，请联系系统管理员补充人员。", "warning")
            return redirect(url_for("supervision.show", order_id=order_id))

    return page(found(order_id), {taken: form}, refused), 422


def _show(form: StepForm, refusal: Refused) -> str:
    """Show it at its field; the sentence, where there is no such field."""
    if refusal.field in form._fields:
        show_refusal(form, refusal, {})
        return ""
    return refusal_text(refusal)
