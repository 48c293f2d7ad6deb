"""The page of one order, and the one route by which its steps are taken."""

from collections.abc import Iterable, Mapping
from datetime import date
from http import HTTPStatus
from typing import Any

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.extensions import db
from crm.people.models import Person
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
    DECISIONS,
    ORDER_WORKFLOW,
    STEP_OF_WAIT,
    STEPS_OF_UNIT,
    Actor,
    Step,
    Wait,
)
from crm.web.auth import my_view, signed_in
from crm.web.errors import refusal_text
from crm.web.forms import refusal_beside
from crm.web.site import site
from crm.web.supervision.causes import causes_of
from crm.web.supervision.files import FILES, of_order
from crm.web.supervision.forms import FORMS, StepForm
from crm.web.supervision.rows import due_if_issued, entry_lines, facts_of, order_line
from crm.web.transaction import moment, today, transaction
from crm.web.unseen_changes import position_shown, unseen_changes


@value_class
class ReceiversRow:
    """Who would receive a draft, or why nobody would; one of the two is empty."""

    text: str
    refusal: str


MESSAGES = {
    Step.ISSUE: "督办单已下达。",
    Step.DROP: "已记为不予下达。",
    Step.RECEIVE: "已签收。",
    Step.PROGRESS: "进展已登记。",
    Step.EXTEND: "已申请延期，请等待批复。",
    Step.GRANT: "已同意延期。",
    Step.REFUSE: "已答复不同意延期。",
    Step.ANSWER: "已反馈，请等待销号。",
    Step.ACCEPT: "已销号。",
    Step.RETURN: "已退回续办。",
}


def order_or_404(order_id: int) -> Order:
    """The visible order with all that its page shows."""
    return order_of(db.session, my_view(), order_id, today()) or abort(404)


def form_of(step: Step, **options: Any) -> StepForm:
    """The form of a step; the prefix keeps the forms of one page apart."""
    return FORMS[step](prefix=f"{step.value}-", **options)


def page(order_id: int, sent: Mapping[Step, StepForm] | None = None, refusal: str = "") -> str:
    """The page of an order; a form that was refused is shown again with its errors."""
    shown_at = position_shown()
    order = order_or_404(order_id)
    me, on, sent = my_view(), today(), sent or {}
    situation = situation_of(db.session, me, order, on)
    steps = ORDER_WORKFLOW.steps(situation)
    waits = waits_of(db.session, me, order.id, moment())
    forms = {
        step: sent.get(step) or form_of(step, formdata=None)
        for step in Step
        if step in FORMS and step in steps
    }
    for form in forms.values():
        form.shown.data = str(shown_at)
    is_deciding = not situation.actors.isdisjoint(DECIDING) and Actor.PERSON not in situation.actors
    receivers_row = _receivers(order) if Step.ISSUE in steps else None
    if receivers_row and receivers_row.refusal:
        # the service would refuse it
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
        is_reached=Actor.REACHED in situation.actors,
        for_unit=STEPS_OF_UNIT if is_deciding else (),
        can_edit=Step.CHANGE in steps,
        receivers=receivers_row,
        # REGIME 5: the term runs from the issue, so a draft shows what today would give
        due_today=_due_today(order.kind) if order.state is OrderState.DRAFT else None,
        refusal=refusal,
        unsent=_unsent(sent, forms),
        is_closed=order.state in CLOSED,
        files=FILES.part(of_order(order, situation)),
    )


def _receivers(order: Order) -> ReceiversRow:
    """Who would receive the draft; named before it is issued."""
    reached = receivers(db.session, order, signed_in(), moment())
    if not reached:
        code = "nobody_may_know" if reached.hidden else "nobody_receives"
        return ReceiversRow("", refusal_text(Refused(code, unit=order.unit.name)))

    # assisting units without a reader do not keep the order from being issued
    units = [(order.unit.name, reached.leading)]
    units += [(unit.name, people) for unit, people in reached.assisting]
    named = [f"{name}（{_names(people)}）" for name, people in units if people]
    unreached = [unit.name for unit, people in reached.assisting if not people]
    text = f"下达后将通知：{'；'.join(named)}。"
    text += f"配合单位{'、'.join(unreached)}无人接收。" if unreached else ""

    return ReceiversRow(text, "")


def _names(people: Iterable[Person]) -> str:
    return "、".join(person.name for person in people)


def _unsent(sent: Mapping[Step, StepForm], shown: Mapping[Step, StepForm]) -> str:
    """Text typed for a step that has become impossible meanwhile, so that it is not lost."""
    lost = (form for step, form in sent.items() if step not in shown)
    return "\n".join(
        field.data
        for form in lost
        for field in form
        if field.short_name in ("text", "reason", "basis") and field.data
    )


def _due_today(kind: OrderKind) -> date:
    return due_on(kind, today(), working_calendar(db.session))


def dues_today() -> str:
    """The due dates of an order issued today, by kind."""
    calendar = working_calendar(db.session)
    return due_if_issued({kind: due_on(kind, today(), calendar) for kind in OrderKind}, today())


def act(order_id: int, step: str) -> ResponseReturnValue:
    """Take a step and send its mails; a refusal is shown at its field."""
    # the route admits only steps that have a form
    taken = Step(step)
    form, refused = form_of(taken), ""
    is_decision = taken in DECISIONS
    unseen = unseen_changes(Order, order_id, field=form.shown.name) if is_decision else ""
    order = order_or_404(order_id)
    if unseen:
        return page(order_id, {taken: form}, unseen), HTTPStatus.CONFLICT

    if form.validate():
        try:
            with transaction() as session:
                entry = take_step(
                    session,
                    order=order,
                    step=taken,
                    by=signed_in(),
                    now=moment(),
                    text=form.words,
                    new_due_on=form.later_on,
                )
                # in the transaction of the step: no mail without it, and none is lost
                tell(session, order=order, entry=entry, site=site())
                has_no_reader = reaches_nobody(session, order, entry)
        except Refused as refusal:
            refused = refusal_beside(form, refusal)
        else:
            flash(MESSAGES[taken], "success")
            if has_no_reader:
                flash("目前无人接收此步骤的通知，请联系系统管理员补充人员。", "warning")
            return redirect(url_for("supervision.show", order_id=order_id))

    # read again: the refusal rolled the transaction back
    return page(order_id, {taken: form}, refused), HTTPStatus.UNPROCESSABLE_ENTITY
