"""The page where an admin sets the targets of a year."""

from decimal import Decimal
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import Field, IntegerField, RadioField, SelectField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, Length, NumberRange

from crm.base.errors import Refused
from crm.base.money import Currency, Stated, editable_amount, parse_amount
from crm.extensions import db
from crm.leads.tiers import Tier
from crm.people.queries import unit_tree
from crm.targets import service
from crm.targets.models import Target
from crm.targets.queries import goal_of, goals
from crm.targets.rules import Goal, Metric, TargetMeasure, currencies_of
from crm.targets.service import TargetInput
from crm.web.auth import signed_in
from crm.web.forms import LARGEST_ID, YEARS, cleaned, enum_choices, row_id, show_refusal
from crm.web.targets.rows import target_title, target_value
from crm.web.transaction import moment, today, transaction

bp = Blueprint("target_admin", __name__)
TARGET = f"/admin/targets/<int(max={LARGEST_ID}):target_id>"
LARGEST_COUNT = 100_000


class TargetForm(FlaskForm):
    year = IntegerField(
        "年度", [DataRequired("请填写年度。"), NumberRange(YEARS[0], YEARS[-1], "请检查年度。")]
    )
    unit_id = SelectField("单位", coerce=row_id)
    metric = SelectField("指标", choices=enum_choices(Metric), coerce=Metric)
    tier = SelectField("项目规模", choices=enum_choices(Tier), coerce=Tier, default=Tier.YI_10)
    measure = RadioField(
        "计量方式",
        choices=enum_choices(TargetMeasure),
        coerce=TargetMeasure,
        default=TargetMeasure.COUNT,
    )
    value = StringField(
        "目标值",
        [DataRequired("请填写目标值。"), Length(max=40, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )

    def validate_value(self, field: Field) -> None:
        """Accept a number of projects, or an amount in a currency of the metric."""
        try:
            self.parsed_value()
        except ValueError:
            counted = self.measure.data is TargetMeasure.COUNT
            is_foreign = self.metric.data is Metric.FOREIGN
            amount = (
                "请写明数额，例如 5,000万美元。" if is_foreign else "请写明数额，例如 600亿元。"
            )
            message = "请填写项目个数，例如 20。" if counted else amount
            raise ValidationError(message) from None

    def parsed_value(self) -> Stated:
        """The typed value with its currency; ValueError for what cannot be read or is too large."""
        text = self.value.data or ""
        if self.measure.data is TargetMeasure.COUNT:
            # `int` refuses a part of a project
            value, largest = Decimal(int(text.removesuffix("个"))), Decimal(LARGEST_COUNT)
            currency = Currency.CNY
        else:
            (value, currency), largest = parse_amount(text), Decimal(10) ** 14
            # other currencies are never converted
            if currency not in currencies_of(self.metric.data):
                raise ValueError(text)
        # no more digits than are kept: a part of a cent is none
        if not 0 < value <= largest or value != round(value, 2):
            raise ValueError(text)
        return value, currency

    def to_data(self) -> TargetInput:
        year: Any = self.year.data
        value, currency = self.parsed_value()
        return TargetInput(
            year=year,
            unit_id=self.unit_id.data,
            metric=self.metric.data,
            tier=self.tier.data,
            measure=self.measure.data,
            value=value,
            currency=currency,
        )


@bp.get("/admin/targets")
def listing() -> ResponseReturnValue:
    year: int = request.args.get("year", today().year, type=int)
    if year not in YEARS:
        abort(404)

    units = unit_tree(db.session)
    unit_names = {node.unit.id: node.unit.name for node in units}

    return render_template(
        "targets/admin.html",
        rows=[_target_row(goal, unit_names) for goal in goals(db.session, units, year)],
        year=year,
        previous=url_for(".listing", year=year - 1) if year - 1 in YEARS else None,
        next=url_for(".listing", year=year + 1) if year + 1 in YEARS else None,
        current=url_for(".listing") if year != today().year else None,
    )


@bp.get("/admin/targets/new")
def new() -> ResponseReturnValue:
    year: int = request.args.get("year", today().year, type=int)
    return _form_page(_with_units(TargetForm(formdata=None, data={"year": year})))


@bp.post("/admin/targets")
def create() -> ResponseReturnValue:
    form = _with_units(TargetForm())
    if form.validate():
        try:
            with transaction() as session:
                service.set_target(session, values=form.to_data(), by=signed_in(), now=moment())
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            flash("目标已添加。", "success")
            return redirect(url_for(".listing", year=form.year.data))
    return _form_page(form), 422


@bp.get(TARGET)
def edit(target_id: int) -> ResponseReturnValue:
    target = _target(db.session, target_id)
    form = _with_units(TargetForm(formdata=None, data=_form_data(target)))
    return _form_page(form, target)


@bp.post(TARGET)
def change(target_id: int) -> ResponseReturnValue:
    target, form = _target(db.session, target_id), _with_units(TargetForm())

    if form.validate():
        try:
            with transaction() as session:
                service.change_target(
                    session, target=target, values=form.to_data(), by=signed_in(), now=moment()
                )
        except Refused as refusal:
            # read again: the refusal rolled the transaction back
            target = _target(db.session, target_id)
            show_refusal(form, refusal, {})
        else:
            flash("目标已修改。", "success")
            return redirect(url_for(".listing", year=form.year.data))

    return _form_page(form, target), 422


@bp.post(f"{TARGET}/remove")
def remove(target_id: int) -> ResponseReturnValue:
    target = _target(db.session, target_id)
    year = target.year
    with transaction() as session:
        service.remove_target(session, target=target, by=signed_in(), now=moment())
    flash("目标已删除。", "success")
    return redirect(url_for(".listing", year=year))


def _target(session: Session, target_id: int) -> Target:
    return session.get(Target, target_id) or abort(404)


def _with_units(form: TargetForm) -> TargetForm:
    units = unit_tree(db.session)
    form.unit_id.choices = [
        SelectChoice(str(node.unit.id), "　" * node.depth + node.unit.name) for node in units
    ]
    return form


def _form_data(target: Target) -> dict[str, Any]:
    names = ("year", "unit_id", "metric", "tier", "measure")
    amount = target.amount
    value = (
        str(target.count) if amount is None else editable_amount(amount, goal_of(target).currency)
    )
    return {name: getattr(target, name) for name in names} | {"value": value}


def _form_page(form: TargetForm, target: Target | None = None) -> str:
    return render_template("targets/edit.html", form=form, target=target)


def _target_row(goal: Goal, unit_names: dict[int, str]) -> dict[str, object]:
    return {
        "id": goal.id,
        "unit": unit_names[goal.unit_id],
        "title": target_title(goal),
        "value": target_value(goal.value or Decimal(0), goal),
    }
