"""The page of one lead, with its small forms, and who may open and change it."""

from typing import Any

from flask import abort, render_template, url_for
from flask_wtf import FlaskForm

from crm.extensions import db
from crm.followups.timeline import timeline
from crm.leads.companies import values_of_company
from crm.leads.models import Lead, Milestone
from crm.leads.permissions import may_see
from crm.leads.planning import PlannedMilestone, plannable, planned_milestones
from crm.leads.queries import changeable_lead, lead_by_id, lead_with_right
from crm.leads.redaction import LeadLabel, company_before, lead_labels
from crm.leads.rules import MilestoneKind
from crm.web.auth import my_view
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
from crm.web.leads.plan_rows import plan_rows
from crm.web.leads.rows import LeadExtras, LeadPage, lead_page
from crm.web.transaction import moment, today

PLAN_PREFIX = "plan-"  # the fields of several forms on the page have the same names


def lead_or_404(lead_id: int) -> Lead:
    """The lead, where I may see it."""
    return lead_by_id(db.session, my_view(), lead_id, today()) or abort(404)


def changeable_or_404(lead_id: int) -> Lead:
    """The lead, where I may change it."""
    return changeable_lead(db.session, my_view(), lead_id, today()) or abort(404)


def url_after_change(lead_id: int) -> str:
    """The lead's page, or the list where I may no longer see the lead."""
    # a change of secrecy or roles may take the lead out of my sight
    if may_see(db.session, my_view(), lead_id, today()):
        return url_for("leads.show", lead_id=lead_id)
    return url_for("leads.listing")


def render_lead(lead_id: int, **given: FlaskForm) -> str:
    """The page of a lead with empty forms, except for one that is given with its errors."""
    found = lead_with_right(db.session, my_view(), lead_id, today())
    lead, can_change = found or abort(404)
    forms: dict[str, Any] = {
        "reach_form": ReachForm(formdata=None, data={"on": today()}),
        "plan_form": PlanForm(formdata=None, prefix=PLAN_PREFIX),
        "role_form": RoleForm(formdata=None, data={"from_on": today()}),
    } | given
    planned = planned_milestones(db.session, lead)
    kinds = plannable(lead, planned)
    offer_steps(forms["reach_form"], lead)
    offer_plans(forms["plan_form"], kinds)
    page = _page(lead, can_change=can_change)
    if can_change:
        offer_holders(db.session, forms["role_form"], my_view(), today())

    return render_template(
        "leads/show.html",
        page=page,
        plans=plan_rows(lead, planned, today()),
        has_plannable=bool(kinds),
        revise_forms={milestone.kind: _revise_form(milestone, given) for milestone in planned},
        correct_forms={step.id: _correct_form(step, given) for step in lead.milestones},
        draft_order_url=url_for("supervision.new", lead=lead_id) if my_view().oversees else None,
        **forms,
    )


def _page(lead: Lead, *, can_change: bool) -> LeadPage:
    company = company_before(db.session, my_view(), lead, today())
    extras = LeadExtras(
        contacts=company.contacts,
        company=values_of_company(lead, lead.company, hides=company.has_hidden_leads),
        earlier=earlier_lead(lead),
        entries=timeline(db.session, my_view(), lead, today()),
        can_change=can_change,
    )
    return lead_page(lead, extras, moment())


def earlier_lead(lead: Lead) -> LeadLabel | None:
    """The earlier project, where I may see it."""
    earlier_id = lead.earlier_lead_id
    labels = lead_labels(db.session, my_view(), [earlier_id] if earlier_id else [], today())
    # REGIME 2: a lead that I may not see has a code name where a visit shows it, and not here
    return {label.id: label for label in labels.values()}.get(earlier_id)


def correct_prefix(milestone_id: int) -> str:
    return f"m{milestone_id}-"


def revise_prefix(kind: MilestoneKind) -> str:
    return f"{kind.value}-"


def _correct_form(step: Milestone, given: dict[str, FlaskForm]) -> FlaskForm:
    prefix = correct_prefix(step.id)
    empty = CorrectForm(formdata=None, data={"on": step.reached_on}, prefix=prefix)
    return given.get(prefix, empty)


def _revise_form(milestone: PlannedMilestone, given: dict[str, FlaskForm]) -> FlaskForm:
    prefix = revise_prefix(milestone.kind)
    empty = ReviseForm(formdata=None, data={"on": milestone.planned_on}, prefix=prefix)
    return given.get(prefix, empty)
