"""What may be done on a lead's page: milestones, plans, roles and follow-ups."""

from collections.abc import Callable
from datetime import date
from http import HTTPStatus
from typing import Any

from flask import abort, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.base.periods import DAY
from crm.extensions import db
from crm.followups.service import add_followup
from crm.leads import service, sites
from crm.leads.catalog_models import Site
from crm.leads.milestone_kinds import milestone_kinds
from crm.leads.models import Lead, Milestone
from crm.leads.planning import plan_milestone
from crm.web.auth import signed_in
from crm.web.errors import refusal_text
from crm.web.followups.forms import QuickForm
from crm.web.forms import back_to, is_saved
from crm.web.leads.action_forms import (
    CorrectForm,
    PlanForm,
    ReachForm,
    ReviseForm,
    RoleForm,
)
from crm.web.leads.detail import (
    changeable_or_404,
    lead_or_404,
    render_lead,
    url_after_change,
)
from crm.web.leads.reaching import only_framework, reach_as_sent, undo_of
from crm.web.leads.sites import SiteForm
from crm.web.notices import Undo, flash_change
from crm.web.transaction import moment, today, transaction


def reach(lead_id: int) -> ResponseReturnValue:
    """Log a milestone that the lead reached."""
    lead, form = changeable_or_404(lead_id), ReachForm()
    reached: list[Milestone] = []

    def change(session: Session) -> None:
        reached[:] = [reach_as_sent(session, lead, form)]

    def message() -> str:
        return only_framework(reached[0], form.kind.data, lead.stage) or "进展已登记。"

    panel = f"reach-{form.kind.data or ''}"
    return _apply(lead_id, panel, form, change, message, lambda: undo_of(lead_id, reached[0]))


def correct(lead_id: int, milestone_id: int) -> ResponseReturnValue:
    """Correct the date of a milestone that was reached."""
    lead, form = changeable_or_404(lead_id), CorrectForm()
    step = _milestone_or_404(lead, milestone_id)

    def change(session: Session) -> None:
        on: Any = form.on.data
        reason = form.reason.data or ""
        service.correct_milestone(
            session,
            lead=lead,
            milestone=step,
            on=on,
            reason=reason,
            agreement=form.agreement.data,
            look_again_on=form.look_again_on.data,
            by=signed_in(),
            now=moment(),
        )

    return _apply(lead_id, f"correct-{milestone_id}", form, change, "已更正。")


def withdraw(lead_id: int, milestone_id: int) -> ResponseReturnValue:
    """Withdraw a milestone that was logged by mistake."""
    lead, form = changeable_or_404(lead_id), CorrectForm()
    step = _milestone_or_404(lead, milestone_id)

    def change(session: Session) -> None:
        reason = form.reason.data or ""
        service.withdraw_milestone(
            session, lead=lead, milestone=step, reason=reason, by=signed_in(), now=moment()
        )

    return _apply(lead_id, f"correct-{milestone_id}", form, change, "已撤回这个节点。")


def _milestone_or_404(lead: Lead, milestone_id: int) -> Milestone:
    return next((step for step in lead.milestones if step.id == milestone_id), None) or abort(404)


def plan(lead_id: int) -> ResponseReturnValue:
    """Plan the date by which a milestone is to be reached (REGIME 6)."""
    lead, form = changeable_or_404(lead_id), PlanForm()

    def change(session: Session) -> None:
        _save_plan(session, lead, form.kind.data, form.on.data)

    return _apply(lead_id, "plan", form, change, "计划已保存。")


def revise(lead_id: int, kind: str) -> ResponseReturnValue:
    """Move a planned date, with the reason; the earlier plans are kept."""
    lead = changeable_or_404(lead_id)
    if kind not in milestone_kinds(db.session).names:
        abort(404)
    form = ReviseForm()

    def change(session: Session) -> None:
        _save_plan(session, lead, kind, form.on.data, form.reason.data)

    return _apply(lead_id, f"revise-{kind}", form, change, "计划已调整。")


def _save_plan(session: Session, lead: Lead, kind: str, on: Any, reason: str | None = None) -> None:
    planned_on: date = on  # a valid form has it
    plan_milestone(
        session,
        lead=lead,
        kind=kind,
        planned_on=planned_on,
        reason=reason,
        by=signed_in(),
        now=moment(),
    )


def give_role(lead_id: int) -> ResponseReturnValue:
    """Give a role to a person or a unit from a date on."""
    lead, form = changeable_or_404(lead_id), RoleForm()

    def change(session: Session) -> None:
        _give_role(session, lead, form)

    return _apply(lead_id, "role", form, change, "分工已更新。")


def _give_role(session: Session, lead: Lead, form: RoleForm) -> None:
    on: Any = form.from_on.data  # a valid form has it
    holder = form.chosen_holder(session)
    if holder is None:
        raise Refused("no_such_person", field="holder")

    service.give_role(
        session,
        lead=lead,
        role=form.role.data,
        holder=holder,
        from_on=on,
        by=signed_in(),
        now=moment(),
    )


def follow_up(lead_id: int) -> ResponseReturnValue:
    """Add a follow-up of mine; a form that is sent twice is one follow-up."""
    lead, form = lead_or_404(lead_id), QuickForm()

    def change(session: Session) -> None:
        data = form.followup_of(lead.id, signed_in().id)
        add_followup(session, data=data, by=signed_in(), now=moment())

    if form.validate() and is_saved(form, change, {"ref": ""}):
        flash("跟进已添加。", "success")
        return redirect(url_for("leads.show", lead_id=lead_id))

    return render_lead(lead_id, step=form), HTTPStatus.UNPROCESSABLE_ENTITY


def end_role(lead_id: int, role_id: int) -> ResponseReturnValue:
    """End a role: from today on nobody holds it."""
    lead = changeable_or_404(lead_id)
    held = next((held for held in lead.roles if held.id == role_id), None) or abort(404)

    try:
        with transaction() as session:
            # last dates are inclusive: a role that ends today was held up to yesterday
            service.end_role(
                session, lead=lead, held=held, last_on=today() - DAY, by=signed_in(), now=moment()
            )
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        flash("已结束这项分工。", "success")

    return redirect(url_after_change(lead_id))


def offer_site(lead_id: int) -> ResponseReturnValue:
    """Note that a site was offered."""
    lead, form = changeable_or_404(lead_id), SiteForm()

    def change(session: Session) -> None:
        on: Any = form.on.data  # a valid form has both
        site = session.get(Site, form.site_id.data)
        if site is None:
            raise Refused("site_not_offered", field="site_id")
        sites.offer_site(session, lead=lead, site=site, on=on, by=signed_in(), now=moment())

    return _apply(lead_id, "site", form, change, "已登记推荐载体。")


def withdraw_site(lead_id: int, offer_id: int) -> ResponseReturnValue:
    """Take a site off the lead again."""
    lead = changeable_or_404(lead_id)
    with transaction() as session:
        offered = sites.offer_of(session, lead, offer_id) or abort(404)
        sites.withdraw_site(session, lead=lead, offered=offered, by=signed_in(), now=moment())
    flash("已撤回推荐的载体。", "success")
    return redirect(url_after_change(lead_id))


def _apply(  # noqa: PLR0913, PLR0917 - a change, its form, and what is said of it
    lead_id: int,
    name: str,
    form: FlaskForm,
    change: Callable[[Session], None],
    message: str | Callable[[], str],
    undo: Callable[[], Undo] | None = None,
) -> ResponseReturnValue:
    """Make the change of a valid form; else show the page again, with what was typed."""
    # the services' names of these fields
    refusal_fields = {"person": "holder", "planned_on": "on"}
    if form.validate() and is_saved(form, change, refusal_fields):
        text = message if isinstance(message, str) else message()
        flash_change(text, undo=undo() if undo else None)
        # the undo of a card that was moved leads back to the board
        return redirect(back_to(url_after_change(lead_id)).rstrip("#"))

    return render_lead(lead_id, opened=name, sent=form), HTTPStatus.UNPROCESSABLE_ENTITY
