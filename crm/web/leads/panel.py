"""The one form that is open on a lead's page: a milestone, a plan, a role or a correction."""

from collections.abc import Sequence
from datetime import date

from flask import url_for
from flask_wtf import FlaskForm

from crm.base.value_class import value_class
from crm.extensions import db
from crm.leads.milestone_kinds import Kinds
from crm.leads.models import Lead
from crm.leads.planning import PlannedMilestone, plannable
from crm.leads.rules import FINAL, Stage
from crm.web.auth import my_view
from crm.web.forms import date_arg
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
from crm.web.leads.sites import SiteForm, offer_choices


@value_class
class Panel:
    """A form with its title, where it is sent, and what is said beside its fields."""

    title: str
    form: FlaskForm
    action: str
    submit: str = "登记"
    asks_kind: bool = False
    asks_agreement: bool = False
    asks_look_again: bool = False
    hint: str | None = None
    withdraw_url: str | None = None  # of a milestone that was logged by mistake


@value_class
class Place:
    """The lead on whose page the panel stands, and the day."""

    lead: Lead
    planned: Sequence[PlannedMilestone]
    kinds: Kinds
    on: date


def panel_of(place: Place, name: str, sent: FlaskForm | None) -> Panel | None:
    """The form of that name, empty or as it was sent; none of an unknown name."""
    form, _, subject = name.partition("-")
    make = {
        "reach": _reach,
        "plan": _plan,
        "revise": _revise,
        "correct": _correct,
        "role": _role,
        "site": _site,
    }.get(form)
    return make(place, subject, sent) if make else None


def _reach(place: Place, subject: str, sent: FlaskForm | None) -> Panel:
    name = place.kinds.names.get(subject, "")
    kind = subject if name else ""
    form = sent or ReachForm(formdata=None, data={"on": date_arg("on") or place.on, "kind": kind})
    assert isinstance(form, ReachForm)  # noqa: S101 - its action sends no other
    offer_steps(form, place.lead, place.kinds)
    is_stop = kind in FINAL
    form.reason.flags.required = is_stop
    form.reason.label.text = "原因" if is_stop else "说明"
    form.agreement.flags.required = kind == Stage.SIGNED
    form.look_again_on.flags.required = kind == Stage.PARKED

    return Panel(
        name if is_stop else f"登记“{name}”" if name else "登记进展",
        form,
        url_for("leads.reach", lead_id=place.lead.id),
        submit=f"确认{name}" if is_stop else "登记",
        asks_kind=not kind or bool(form.kind.errors),
        asks_agreement=kind in ("", Stage.SIGNED),
        asks_look_again=kind in ("", Stage.PARKED),
    )


def _plan(place: Place, _subject: str, sent: FlaskForm | None) -> Panel:
    form = sent or PlanForm(formdata=None)
    assert isinstance(form, PlanForm)  # noqa: S101 - as above
    offer_plans(form, plannable(place.lead, place.planned, place.kinds), place.kinds)
    action = url_for("leads.plan", lead_id=place.lead.id)
    return Panel("安排计划节点", form, action, submit="保存计划", asks_kind=True)


def _revise(place: Place, subject: str, sent: FlaskForm | None) -> Panel | None:
    planned = next((found for found in place.planned if found.kind == subject), None)
    if not planned or planned.is_behind:
        return None

    return Panel(
        f"调整“{place.kinds.names[subject]}”的计划",
        sent or ReviseForm(formdata=None, data={"on": planned.planned_on}),
        url_for("leads.revise", lead_id=place.lead.id, kind=subject),
        submit="保存调整",
        hint="原日期予以保留",
    )


def _correct(place: Place, subject: str, sent: FlaskForm | None) -> Panel | None:
    step = next((step for step in place.lead.milestones if str(step.id) == subject), None)
    if not step:
        return None

    correct, withdraw = (
        url_for(f"leads.{way}", lead_id=place.lead.id, milestone_id=step.id)
        for way in ("correct", "withdraw")
    )
    values = {
        "on": step.reached_on,
        "agreement": step.agreement,
        "look_again_on": step.look_again_on,
    }
    return Panel(
        f"更正“{place.kinds.names[step.kind]}”的登记",
        sent or CorrectForm(formdata=None, data=values),
        correct,
        submit="保存更正",
        asks_agreement=step.kind == Stage.SIGNED,
        asks_look_again=step.kind == Stage.PARKED,
        withdraw_url=None if step.kind == Stage.LEAD else withdraw,
    )


def _role(place: Place, _subject: str, sent: FlaskForm | None) -> Panel:
    form = sent or RoleForm(formdata=None, data={"from_on": place.on})
    assert isinstance(form, RoleForm)  # noqa: S101 - as above
    offer_holders(db.session, form, my_view(), place.on)
    action = url_for("leads.give_role", lead_id=place.lead.id)
    return Panel("指定或调整分工", form, action, submit="保存分工")


def _site(place: Place, _subject: str, sent: FlaskForm | None) -> Panel:
    form = sent or SiteForm(formdata=None, data={"on": place.on})
    assert isinstance(form, SiteForm)  # noqa: S101 - as above
    offer_choices(form, place.lead)
    return Panel("推荐载体", form, url_for("leads.offer_site", lead_id=place.lead.id))
