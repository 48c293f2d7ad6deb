"""A milestone as a form sends it, from the lead's page or from the board."""

from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from crm.leads import service
from crm.leads.models import Lead, Milestone
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


def undo_of(lead_id: int, step: Milestone, **values: str) -> Undo:
    """What withdraws the milestone that was just logged."""
    url = url_for("leads.withdraw", lead_id=lead_id, milestone_id=step.id)
    return Undo(url, {"on": step.reached_on.isoformat(), "reason": "登记有误", **values})
