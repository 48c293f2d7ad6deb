"""The page of one lead, and what may be done on it: move on, correct, give and end roles."""

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.base.periods import DAY
from crm.extensions import db
from crm.followups.timeline import timeline
from crm.leads import service
from crm.leads.companies import Eyes, told_of_company
from crm.leads.models import Lead, Milestone
from crm.leads.planning import PlannedMilestone, plannable, planned_milestones
from crm.leads.queries import (
    LeadLabel,
    contacts_of,
    lead_by_id,
    lead_labels,
    may_change,
    may_see,
)
from crm.leads.rules import MilestoneKind
from crm.web.auth import my_view, signed_in
from crm.web.errors import refusal_text
from crm.web.forms import show_refusal
from crm.web.leads.action_forms import (
    CorrectForm,
    PlanForm,
    ReachForm,
    ReviseForm,
    RoleForm,
    offer_holders,
    offer_plans,
    offer_steps,
)
from crm.web.leads.plan_rows import plan_lines
from crm.web.leads.rows import Beside, LeadPage, lead_page
from crm.web.transaction import moment, today, transaction

PLANNING = "plan-"  # its fields stand beside others of the same names


def found(lead_id: int) -> Lead:
    """The lead, where I may see it; else there is none."""
    return lead_by_id(db.session, my_view(), lead_id, today()) or abort(404)


def mine_to_change(lead_id: int) -> Lead:
    """The lead, where I may change it; else there is none."""
    lead = found(lead_id)
    if not may_change(db.session, my_view(), lead.id, today()):
        abort(404)
    return lead


def home_of(lead_id: int) -> str:
    """Where a change leads to: the lead's page, or the list where it is no longer mine to see."""
    if may_see(db.session, my_view(), lead_id, today()):
        return url_for("leads.show", lead_id=lead_id)
    return url_for("leads.listing")


def page(lead_id: int, **given: FlaskForm) -> str:
    """The page of a lead, with fresh forms but for the one that is given back with its errors."""
    lead = found(lead_id)
    forms: dict[str, Any] = {
        "reaching": ReachForm(formdata=None, data={"on": today()}),
        "planning": PlanForm(formdata=None, prefix=PLANNING),
        "giving": RoleForm(formdata=None, data={"from_on": today()}),
    } | given
    planned = planned_milestones(db.session, lead)
    kinds = plannable(lead, planned)
    offer_steps(forms["reaching"], lead)
    offer_plans(forms["planning"], kinds)
    offer_holders(db.session, forms["giving"], today())

    return render_template(
        "leads/show.html",
        page=_told(lead),
        plans=plan_lines(lead, planned, today()),
        has_plannable=bool(kinds),
        revisions={one.kind: _revising(one, given) for one in planned},
        corrections={step.id: _correcting(step, given) for step in lead.milestones},
        drafting=url_for("supervision.new", lead=lead_id) if my_view().oversees else None,
        **forms,
    )


def _told(lead: Lead) -> LeadPage:
    beside = Beside(
        contacts=contacts_of(db.session, my_view(), lead, today()),
        company=told_of_company(db.session, lead, lead.company, Eyes(my_view(), today())),
        earlier=earlier_of(lead),
        entries=timeline(db.session, my_view(), lead, today()),
        can_change=may_change(db.session, my_view(), lead.id, today()),
    )
    return lead_page(lead, beside, moment())


def earlier_of(lead: Lead) -> LeadLabel | None:
    """The earlier project, where I may see it."""
    earlier = lead.earlier_lead_id
    labels = lead_labels(db.session, my_view(), [earlier] if earlier else [], today())
    # REGIME 2: a lead that I may not see has a code name where a visit shows it, and not here
    return {label.id: label for label in labels.values()}.get(earlier)


def _prefix(milestone_id: int) -> str:
    return f"m{milestone_id}-"


def _correcting(step: Milestone, given: dict[str, FlaskForm]) -> FlaskForm:
    fresh = CorrectForm(formdata=None, data={"on": step.reached_on}, prefix=_prefix(step.id))
    return given.get(_prefix(step.id), fresh)


def plan_prefix(kind: MilestoneKind) -> str:
    """What tells the form of one plan from those of others on a page."""
    return f"{kind.value}-"


def _revising(one: PlannedMilestone, given: dict[str, FlaskForm]) -> FlaskForm:
    fresh = ReviseForm(formdata=None, data={"on": one.planned_on}, prefix=plan_prefix(one.kind))
    return given.get(plan_prefix(one.kind), fresh)


def reach(lead_id: int) -> ResponseReturnValue:
    """Note the stage or side milestone that the lead reached."""
    lead, form = mine_to_change(lead_id), ReachForm()

    def move_on(rows: Session) -> None:
        on: Any = form.on.data  # a valid form has it
        service.reach(
            rows,
            lead=lead,
            kind=MilestoneKind(form.kind.data),
            on=on,
            reason=form.reason.data,
            by=signed_in(),
            now=moment(),
        )

    return done(lead_id, "reaching", form, move_on, "进展已登记。")


def correct(lead_id: int, milestone_id: int) -> ResponseReturnValue:
    """Correct the date of what the lead reached."""
    lead, form = mine_to_change(lead_id), CorrectForm(prefix=_prefix(milestone_id))
    step = _step(lead, milestone_id)

    def put_right(rows: Session) -> None:
        on: Any = form.on.data
        reason = form.reason.data or ""
        service.correct_milestone(
            rows, lead=lead, milestone=step, on=on, reason=reason, by=signed_in(), now=moment()
        )

    return done(lead_id, _prefix(milestone_id), form, put_right, "日期已更正。")


def withdraw(lead_id: int, milestone_id: int) -> ResponseReturnValue:
    """Take back what was noted by mistake."""
    lead, form = mine_to_change(lead_id), CorrectForm(prefix=_prefix(milestone_id))
    step = _step(lead, milestone_id)

    def take_back(rows: Session) -> None:
        reason = form.reason.data or ""
        service.withdraw_milestone(
            rows, lead=lead, milestone=step, reason=reason, by=signed_in(), now=moment()
        )

    return done(lead_id, _prefix(milestone_id), form, take_back, "已撤回这个节点。")


def _step(lead: Lead, milestone_id: int) -> Milestone:
    return next((step for step in lead.milestones if step.id == milestone_id), None) or abort(404)


def give_role(lead_id: int) -> ResponseReturnValue:
    """Give a role to a person or a unit from a date on."""
    lead, form = mine_to_change(lead_id), RoleForm()
    offer_holders(db.session, form, today())

    def give(rows: Session) -> None:
        on: Any = form.from_on.data
        holder = form.held_by(rows)
        if holder is None:
            raise Refused("no_such_person", field="holder")

        service.give_role(
            rows,
            lead=lead,
            role=form.role.data,
            holder=holder,
            from_on=on,
            by=signed_in(),
            now=moment(),
        )

    return done(lead_id, "giving", form, give, "分工已更新。")


def done(
    lead_id: int, name: str, form: FlaskForm, change: Callable[[Session], None], said: str
) -> ResponseReturnValue:
    """Make the change of a valid form; else show the page again, with what was typed."""
    if form.validate():
        try:
            with transaction() as rows:
                change(rows)
        except Refused as refusal:
            show_refusal(form, refusal, {"person": "holder", "planned_on": "on"})
        else:
            flash(said, "success")
            return redirect(home_of(lead_id))
    return page(lead_id, **{name: form}), 422


def end_role(lead_id: int, role_id: int) -> ResponseReturnValue:
    """End a role: from today on it is not held any more."""
    lead = mine_to_change(lead_id)
    held = next((held for held in lead.roles if held.id == role_id), None) or abort(404)

    try:
        with transaction() as rows:
            service.end_role(
                rows, lead=lead, held=held, last_on=today() - DAY, by=signed_in(), now=moment()
            )
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        flash("已结束这项分工。", "success")

    return redirect(home_of(lead_id))
