"""Plan a lead's milestones, and move the dates that were planned (REGIME 6)."""

from datetime import date
from typing import Any

from flask import abort
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.leads.models import Lead
from crm.leads.planning import plan_milestone
from crm.leads.rules import MilestoneKind
from crm.web.auth import signed_in
from crm.web.leads.action_forms import PlanForm, ReviseForm
from crm.web.leads.actions import PLANNING, done, mine_to_change, plan_prefix
from crm.web.transaction import moment


def plan(lead_id: int) -> ResponseReturnValue:
    """Set the date by which a milestone is to be reached."""
    lead, form = mine_to_change(lead_id), PlanForm(prefix=PLANNING)

    def keep(rows: Session) -> None:
        _keep(rows, lead, form.kind.data, form.on.data)

    return done(lead_id, "planning", form, keep, "计划已保存。")


def revise(lead_id: int, kind: str) -> ResponseReturnValue:
    """Move a planned date, with the reason; what was planned before is kept."""
    lead = mine_to_change(lead_id)
    planned = next((each for each in MilestoneKind if each.value == kind), None) or abort(404)
    form = ReviseForm(prefix=plan_prefix(planned))

    def keep(rows: Session) -> None:
        _keep(rows, lead, planned, form.on.data, form.reason.data)

    return done(lead_id, plan_prefix(planned), form, keep, "计划已调整。")


def _keep(
    rows: Session, lead: Lead, kind: MilestoneKind, on: Any, reason: str | None = None
) -> None:
    planned_on: date = on  # a valid form has it
    plan_milestone(
        rows,
        lead=lead,
        kind=kind,
        planned_on=planned_on,
        reason=reason,
        by=signed_in(),
        now=moment(),
    )
