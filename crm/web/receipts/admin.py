"""The pages where an admin keeps the forms in which money arrives."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import BooleanField, IntegerField, RadioField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from crm.extensions import db
from crm.results.receipt_forms import FormData, add_form, change_form, form_rows, last_position
from crm.results.receipt_models import ReceiptForm
from crm.results.receipt_rules import Line
from crm.web.auth import signed_in
from crm.web.forms import LARGEST_ID, cleaned, enum_choices, is_saved
from crm.web.transaction import moment

bp = Blueprint("receipt_forms", __name__, url_prefix="/admin/receipt-forms")
FORM = f"/<int(max={LARGEST_ID}):form_id>"
MOST = 9999


class FormOfReceipts(FlaskForm):
    name = StringField(
        "名称",
        [DataRequired("请填写名称。"), Length(max=20, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )
    line = RadioField("计入", choices=enum_choices(Line), coerce=Line, default=Line.DOMESTIC)
    position = IntegerField(
        "排序",
        [InputRequired("请填写排序。"), NumberRange(0, MOST, f"请填写 0 到 {MOST} 之间的整数。")],
    )
    is_offered = BooleanField("启用", default=True)

    def form_data(self) -> FormData:
        """The data of a valid form."""
        position: Any = self.position.data
        return FormData(
            name=self.name.data or "",
            line=self.line.data,
            position=position,
            is_offered=bool(self.is_offered.data),
        )


@bp.get("")
def listing() -> ResponseReturnValue:
    """The forms in their order."""
    return render_template("receipts/forms.html", rows=form_rows(db.session))


@bp.get("/new")
def new() -> ResponseReturnValue:
    """The form of a new one, which comes last."""
    values = {"position": last_position(db.session) + 1, "is_offered": True, "line": Line.DOMESTIC}
    return _page(FormOfReceipts(formdata=None, data=values))


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Add it."""
    form = FormOfReceipts()

    def save(session: Session) -> None:
        add_form(session, data=form.form_data(), by=signed_in(), now=moment())

    if form.validate() and is_saved(form, save):
        flash("到资形式已添加。", "success")
        return redirect(url_for(".listing"))
    return _page(form), 422


@bp.get(FORM)
def edit(form_id: int) -> ResponseReturnValue:
    """The form of one that exists."""
    row = _row_or_404(form_id)
    return _page(FormOfReceipts(formdata=None, obj=row), row)


@bp.post(FORM)
def change(form_id: int) -> ResponseReturnValue:
    """Change it."""
    form = FormOfReceipts()

    def save(session: Session) -> None:
        data, row = form.form_data(), _row_or_404(form_id)
        change_form(session, form=row, data=data, by=signed_in(), now=moment())

    if form.validate() and is_saved(form, save):
        flash("已保存。", "success")
        return redirect(url_for(".listing"))
    # read again: the refusal rolled the transaction back
    return _page(form, _row_or_404(form_id)), 422


def _row_or_404(form_id: int) -> ReceiptForm:
    return db.session.get(ReceiptForm, form_id) or abort(404)


def _page(form: FormOfReceipts, row: ReceiptForm | None = None) -> str:
    return render_template("receipts/form.html", form=form, row=row)
