"""The page that plans a lead's milestones by a template: a preview, then one touch (PROJECTS 1)."""

from datetime import date

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired

from crm.extensions import db
from crm.leads.plan_templates import plan_by_template, steps_of, used_templates
from crm.leads.template_models import PlanTemplate
from crm.quotas.facts import working_calendar
from crm.web.auth import signed_in
from crm.web.date_fields import DateField
from crm.web.forms import is_saved, row_id, sensible_year
from crm.web.leads.detail import changeable_or_404, url_after_change
from crm.web.transaction import moment, today


class TemplateForm(FlaskForm):
    """A template, and the day from which its working days count."""

    template = SelectField("模板", coerce=row_id)
    start = DateField("起点日期", [DataRequired("请选择日期。"), sensible_year], is_ahead=True)


def preview_plans(lead_id: int) -> ResponseReturnValue:
    """The dates that the template gives, before anything is kept."""
    lead = changeable_or_404(lead_id)
    found = used_templates(db.session)
    if not found:
        return render_template("leads/plan_by_template.html", lead=lead, form=None, steps=[])
    args = request.args if "template" in request.args else None
    form = _offered(TemplateForm(args, data={"start": today()}, meta={"csrf": False}), found)
    is_valid = args is None or form.validate()
    if args is None:
        form.template.data = found[0].id

    return render_template(
        "leads/plan_by_template.html", lead=lead, form=form, steps=_steps(lead_id, form, is_valid)
    )


def plan_all(lead_id: int) -> ResponseReturnValue:
    """Plan what has no plan yet by the template."""
    lead = changeable_or_404(lead_id)
    found = used_templates(db.session)
    form = _offered(TemplateForm(), found)
    planned = 0

    def change(session: Session) -> None:
        nonlocal planned
        start: date | None = form.start.data
        assert start is not None  # noqa: S101 - a valid form has it
        planned = plan_by_template(
            session,
            lead=lead,
            template=_template(form, used_templates(session)),
            start=start,
            calendar=working_calendar(session),
            by=signed_in(),
            now=moment(),
        )

    is_valid = form.validate()
    if is_valid and is_saved(form, change):
        flash(f"已排定 {planned} 个节点的计划。", "success")
        return redirect(url_after_change(lead_id))
    steps = _steps(lead_id, form, is_valid)
    return render_template("leads/plan_by_template.html", lead=lead, form=form, steps=steps), 422


def _offered(form: TemplateForm, found: list[PlanTemplate]) -> TemplateForm:
    form.template.choices = [SelectChoice(template.id, template.name) for template in found]
    return form


def _template(form: TemplateForm, found: list[PlanTemplate]) -> PlanTemplate:
    return next(template for template in found if template.id == form.template.data)


def _steps(lead_id: int, form: TemplateForm, is_valid: bool) -> list[object]:  # noqa: FBT001 - of the form
    if not is_valid or form.start.data is None:
        return []
    template = _template(form, used_templates(db.session))
    calendar = working_calendar(db.session)
    return list(steps_of(db.session, lead_id, template, form.start.data, calendar))
