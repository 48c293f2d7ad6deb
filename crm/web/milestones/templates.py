"""The pages on which an admin sets templates of plans (PROJECTS 1)."""

from collections.abc import Mapping

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import BooleanField, StringField
from wtforms.validators import DataRequired, Length, NumberRange, Optional

from crm.extensions import db
from crm.leads.milestone_kinds import milestone_kinds
from crm.leads.plan_templates import MOST_WORKDAYS, TemplateData, set_template, templates
from crm.leads.template_models import PlanTemplate
from crm.web.auth import signed_in
from crm.web.forms import LARGEST_ID, WholeNumber, cleaned, is_saved
from crm.web.transaction import moment

bp = Blueprint("plan_templates", __name__, url_prefix="/admin/plan-templates")
TEMPLATE = f"/<int(max={LARGEST_ID}):template_id>"
WHOLE = f"请填写 0 到 {MOST_WORKDAYS} 之间的整数。"


class TemplateForm(FlaskForm):
    """A template; each milestone has a field of working days, empty where it takes no part."""

    name = StringField(
        "名称",
        [DataRequired("请填写名称。"), Length(max=20, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )
    is_used = BooleanField("启用", default=True)

    def workdays(self, names: Mapping[str, str]) -> dict[str, int]:
        """The working days by kind."""
        typed = {code: self[_field(code)].data for code in names}
        return {code: days for code, days in typed.items() if days is not None}


def _field(code: str) -> str:
    return f"days_{code}"


def _form_of(names: Mapping[str, str]) -> type[TemplateForm]:
    """The form with a field for each kind that may be planned."""
    checks = [Optional(), NumberRange(0, MOST_WORKDAYS, WHOLE)]
    fields = {
        _field(code): WholeNumber(name, checks, message=WHOLE) for code, name in names.items()
    }
    return type("KindsForm", (TemplateForm,), fields)


def _names() -> dict[str, str]:
    kinds = milestone_kinds(db.session)
    return {code: kinds.names[code] for code in kinds.ahead}


@bp.get("")
def listing() -> ResponseReturnValue:
    """The templates, each with its milestones in their order."""
    names = milestone_kinds(db.session).names
    return render_template("milestones/templates.html", rows=templates(db.session), names=names)


@bp.get("/new")
def new() -> ResponseReturnValue:
    return _page(_form_of(_names())(formdata=None))


@bp.post("/new")
def create() -> ResponseReturnValue:
    return _save(0)


@bp.get(TEMPLATE)
def edit(template_id: int) -> ResponseReturnValue:
    template = _template_or_404(template_id)
    days = {_field(step.kind): step.workdays for step in template.steps}
    data = {"name": template.name, "is_used": template.is_used, **days}
    return _page(_form_of(_names())(formdata=None, data=data), template)


@bp.post(TEMPLATE)
def change(template_id: int) -> ResponseReturnValue:
    """Change a template; leads that were planned by it keep their plans."""
    _template_or_404(template_id)
    return _save(template_id)


def _save(template_id: int) -> ResponseReturnValue:
    names = _names()
    form = _form_of(names)()

    def change(session: Session) -> None:
        data = TemplateData(form.name.data or "", form.workdays(names), is_used=form.is_used.data)
        set_template(session, data=data, by=signed_in(), now=moment(), template_id=template_id)

    if form.validate() and is_saved(form, change, {"workdays": "name"}):
        flash("已保存。", "success")
        return redirect(url_for(".listing"))
    return _page(form, _template_or_404(template_id) if template_id else None), 422


def _page(form: TemplateForm, template: PlanTemplate | None = None) -> str:
    fields = [form[_field(code)] for code in _names()]
    return render_template("milestones/template.html", form=form, template=template, fields=fields)


def _template_or_404(template_id: int) -> PlanTemplate:
    found = {template.id: template for template in templates(db.session)}
    return found.get(template_id) or abort(404)
