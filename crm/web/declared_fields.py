"""Form fields of a record, made from their declarations."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask_wtf import FlaskForm
from wtforms import RadioField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional

from crm.base.fields import TEXTS, Field, FieldKind, Fields
from crm.web.date_fields import DateField
from crm.web.forms import cleaned, enum_choices, prose, sensible_year

Form = TypeVar("Form", bound=FlaskForm)
MADE_HERE = TEXTS | {FieldKind.CHOICE, FieldKind.DATE}


def with_fields(fields: Fields, *names: str) -> Callable[[type[Form]], type[Form]]:
    """Add the declared fields to a form: those named, else all that it has; not what it defines.

    People, units and leads are chosen from lists that each form makes itself.
    """

    def add(form: type[Form]) -> type[Form]:
        for field in fields.values():
            is_wanted = field.name in names if names else field.in_form
            if is_wanted and field.kind in MADE_HERE and not hasattr(form, field.name):
                # on the class: WTForms collects its fields when the first form is made
                setattr(form, field.name, _input(field))
        return form

    return add


def _input(field: Field) -> Any:
    label = field.input_label
    validators: list[Any] = [DataRequired(field.required)] if field.required else []

    if field.kind is FieldKind.CHOICE and field.choices:
        choices = enum_choices(field.choices)
        return RadioField(label, validators, choices=choices, coerce=field.choices)
    if field.kind is FieldKind.DATE:
        # without `Optional` an empty field would be refused as no date
        checks = [*(validators or [Optional()]), sensible_year]
        return DateField(label, checks, is_ahead=field.name == "due_on")

    validators.append(Length(max=field.most_characters, message="最多 %(max)d 个字。"))
    if field.kind is FieldKind.PROSE:
        return TextAreaField(label, validators, filters=[prose])
    return StringField(label, validators, filters=[cleaned])
