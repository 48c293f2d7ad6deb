"""The pages on which an admin defines the zone's own fields on leads (PROJECTS 1)."""

from collections.abc import Callable, Sequence

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import BooleanField, Field, RadioField, StringField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from crm.extensions import db
from crm.leads.own_field_models import OwnField, OwnFieldChoice, OwnKind
from crm.leads.own_field_setup import (
    MOST_CHOICES,
    ChoiceData,
    OwnFieldData,
    add_field,
    change_field,
    choices_of,
    field_rows,
)
from crm.leads.own_fields import MOST_USED, own_fields, used_fields
from crm.web.auth import signed_in
from crm.web.forms import LARGEST_ID, WholeNumber, cleaned, enum_choices, is_saved, prose
from crm.web.transaction import moment

bp = Blueprint("own_fields", __name__, url_prefix="/admin/own-fields")
FIELD = f"/<int(max={LARGEST_ID}):field_id>"
WHOLE = "请填写 0 到 999 之间的整数。"
LONGEST_NAME = 20
_name = Length(max=LONGEST_NAME, message="最多 %(max)d 个字。")


class FieldForm(FlaskForm):
    """A field: what it is called, what it holds, where it stands."""

    name = StringField("名称", [DataRequired("请填写名称。"), _name], filters=[cleaned])
    kind = RadioField("类型", choices=enum_choices(OwnKind), coerce=OwnKind, default=OwnKind.TEXT)
    hint = StringField(
        "填写说明", [Length(max=60, message="最多 %(max)d 个字。")], filters=[cleaned]
    )
    position = WholeNumber(
        "排序", [InputRequired(WHOLE), NumberRange(0, 999, WHOLE)], message=WHOLE
    )
    is_used = BooleanField("启用", default=True)
    new_choices = TextAreaField("添加选项", filters=[prose])

    def validate_new_choices(self, field: Field) -> None:
        """Refuse what is too long or too much to be a list of choices."""
        names = self.typed_choices()
        if len(names) > MOST_CHOICES or any(len(name) > LONGEST_NAME for name in names):
            message = f"每行一个选项，最多 {MOST_CHOICES} 个，每个最多 {LONGEST_NAME} 个字。"
            raise ValidationError(message)

    def typed_choices(self) -> list[str]:
        lines = (line.strip() for line in (self.new_choices.data or "").splitlines())
        return [line for line in lines if line]

    def to_data(self, choices: Sequence[OwnFieldChoice]) -> OwnFieldData:
        """The data of a valid form of a field with these choices."""
        return OwnFieldData(
            name=self.name.data or "",
            kind=self.kind.data,
            hint=self.hint.data,
            position=self.position.data or 0,
            is_used=self.is_used.data,
            choices={
                choice.id: ChoiceData(
                    self[f"choice_{choice.id}"].data or "",
                    is_offered=self[f"offered_{choice.id}"].data,
                )
                for choice in choices
            },
            new_choices=self.typed_choices(),
        )


def _form_of(choices: Sequence[OwnFieldChoice]) -> type[FieldForm]:
    """The form with two controls for each choice that the field has."""
    controls: dict[str, object] = {}
    for choice in choices:
        checks = [DataRequired("请填写选项；不再使用的请取消勾选。"), _name]
        controls[f"choice_{choice.id}"] = StringField(
            "选项", checks, default=choice.name, filters=[cleaned]
        )
        controls[f"offered_{choice.id}"] = BooleanField(
            f"启用“{choice.name}”", default=choice.is_offered
        )
    return type("ChoicesForm", (FieldForm,), controls)


@bp.get("")
def listing() -> ResponseReturnValue:
    """The fields in their order, the retired ones last."""
    used, fields = used_fields(db.session), own_fields(db.session)
    retired = [field for field in fields if not field.is_used]
    return render_template("own_fields/listing.html", used=used, retired=retired, most=MOST_USED)


@bp.get("/new")
def new() -> ResponseReturnValue:
    """The form of a new field, which comes last."""
    last = max((row.position for row in field_rows(db.session)), default=0)
    return _page(FieldForm(formdata=None, data={"position": last + 1, "is_used": True}))


@bp.post("/new")
def create() -> ResponseReturnValue:
    form = FieldForm()

    def change(session: Session) -> None:
        add_field(session, data=form.to_data(()), by=signed_in(), now=moment())

    return _saved(form, change, "已添加。")


@bp.get(FIELD)
def edit(field_id: int) -> ResponseReturnValue:
    row = _field_or_404(field_id)
    return _page(_form_of(choices_of(db.session, field_id))(formdata=None, obj=row), row)


@bp.post(FIELD)
def change(field_id: int) -> ResponseReturnValue:
    """Change a field, or retire it; leads keep what they have in it."""
    _field_or_404(field_id)
    choices = choices_of(db.session, field_id)
    form = _form_of(choices)()

    def apply(session: Session) -> None:
        row, data = session.get_one(OwnField, field_id), form.to_data(choices)
        change_field(session, row=row, data=data, by=signed_in(), now=moment())

    return _saved(form, apply, "已保存。", field_id)


def _saved(
    form: FieldForm, change: Callable[[Session], None], message: str, field_id: int | None = None
) -> ResponseReturnValue:
    if form.validate() and is_saved(form, change):
        flash(message, "success")
        return redirect(url_for(".listing"))
    return _page(form, _field_or_404(field_id) if field_id else None), 422


def _page(form: FieldForm, row: OwnField | None = None) -> str:
    choices = choices_of(db.session, row.id) if row else ()
    pairs = [(form[f"choice_{choice.id}"], form[f"offered_{choice.id}"]) for choice in choices]
    return render_template("own_fields/edit.html", form=form, row=row, choices=pairs)


def _field_or_404(field_id: int) -> OwnField:
    return db.session.get(OwnField, field_id) or abort(404)
