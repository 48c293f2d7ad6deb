"""A milestone as a form sends it, from the lead's page or from the board."""

from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from crm.extensions import db
from crm.leads import service
from crm.leads.milestone_kinds import milestone_kinds
from crm.leads.models import Lead, Milestone
from crm.leads.rules import Stage
from crm.web.auth import signed_in
from crm.web.leads.action_forms import ReachForm
from crm.web.notices import Undo
from crm.web.transaction import moment


def reach_as_sent(session: Session, lead: Lead, form: ReachForm) -> Milestone:
    """Log the milestone of a valid form; refused as `crm.leads.service.reach` refuses."""
    on: Any = form.on.data  # a valid form has it

    return service.reach(
        session,
        lead=lead,
        kind=form.kind.data,
        on=on,
        reason=form.reason.data,
        agreement=form.agreement.data,
        look_again_on=form.look_again_on.data,
        by=signed_in(),
        now=moment(),
    )


def only_framework(step: Milestone, asked: str, stage: Stage) -> str:
    """What to say of a signing by another agreement, which is none; empty of any other step."""
    if asked != Stage.SIGNED or step.kind == Stage.SIGNED:
        return ""
    name = milestone_kinds(db.session).names[step.kind]
    return f"已登记为“{name}”，阶段仍为“{stage.label}”；签订正式投资协议后再登记签约。"


def undo_of(lead_id: int, step: Milestone, **values: str) -> Undo:
    """What withdraws the milestone that was just logged."""
    url = url_for("leads.withdraw", lead_id=lead_id, milestone_id=step.id)
    return Undo(url, {"on": step.reached_on.isoformat(), "reason": "登记有误", **values})
