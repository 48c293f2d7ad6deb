"""The pages on which an admin sets the spans whose speed is told, and their norms (PROJECTS 1)."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy import inspect
from sqlalchemy.orm import Session
from wtforms import BooleanField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import NumberRange, Optional

from crm.extensions import db
from crm.leads.milestone_kinds import milestone_kinds
from crm.targets.catalog import SpanData, set_span, span_rows
from crm.targets.models import SpeedSpan
from crm.targets.speed import Norm, NormUnit
from crm.web.auth import signed_in
from crm.web.forms import LARGEST_ID, WholeNumber, is_saved
from crm.web.transaction import moment

bp = Blueprint("speed_spans", __name__, url_prefix="/admin/speed")
SPAN = f"/<int(max={LARGEST_ID}):span_id>"
WHOLE = "请填写 1 到 9999 之间的整数。"
NO_NORM = "none"
UNITS = ((NO_NORM, "不设"), ("days", "按天"), ("months", "按月"), ("year", "当年"))


class SpanForm(FlaskForm):
    """A span, and its norm."""

    begin = SelectField("起点节点")
    end = SelectField("终点节点")
    unit = SelectField(
        "参考时限",
        choices=[SelectChoice(code, label) for code, label in UNITS],
    )
    least = WholeNumber("下限（可不填）", [Optional(), NumberRange(1, 9999, WHOLE)], message=WHOLE)
    most = WholeNumber("上限", [Optional(), NumberRange(1, 9999, WHOLE)], message=WHOLE)
    is_used = BooleanField("启用", default=True)

    def to_data(self) -> SpanData:
        unit = None if self.unit.data == NO_NORM else NormUnit(self.unit.data)
        return SpanData(
            self.begin.data,
            self.end.data,
            unit,
            self.least.data,
            self.most.data,
            is_used=self.is_used.data,
        )


@bp.get("")
def listing() -> ResponseReturnValue:
    """The spans with their norms."""
    names = milestone_kinds(db.session).names
    rows = [
        (row, f"{names[row.begin]}至{names[row.end]}", _norm(row)) for row in span_rows(db.session)
    ]
    return render_template("targets/spans.html", rows=rows)


def _norm(row: SpeedSpan) -> str:
    return Norm(row.unit, row.most, row.least).text if row.unit else "未设参考时限"


@bp.get("/new")
def new() -> ResponseReturnValue:
    return _page(SpanForm(formdata=None))


@bp.post("/new")
def create() -> ResponseReturnValue:
    return _save(0)


@bp.get(SPAN)
def edit(span_id: int) -> ResponseReturnValue:
    row = db.session.get(SpeedSpan, span_id) or abort(404)
    values = {column.key: getattr(row, column.key) for column in inspect(SpeedSpan).columns}
    return _page(SpanForm(formdata=None, data=values | {"unit": row.unit or NO_NORM}), row)


@bp.post(SPAN)
def change(span_id: int) -> ResponseReturnValue:
    if db.session.get(SpeedSpan, span_id) is None:
        abort(404)
    return _save(span_id)


def _save(span_id: int) -> ResponseReturnValue:
    form = _offered(SpanForm())

    def change(session: Session) -> None:
        set_span(session, data=form.to_data(), by=signed_in(), now=moment(), span_id=span_id)

    if form.validate() and is_saved(form, change):
        flash("已保存。", "success")
        return redirect(url_for(".listing"))
    return _page(form, db.session.get(SpeedSpan, span_id)), 422


def _offered(form: SpanForm) -> SpanForm:
    names = milestone_kinds(db.session).names
    form.begin.choices = form.end.choices = [SelectChoice(*pair) for pair in names.items()]
    return form


def _page(form: SpanForm, row: SpeedSpan | None = None) -> str:
    return render_template("targets/span.html", form=_offered(form), row=row)
