"""The zone's own fields on the form of a lead (PROJECTS 1)."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar

from flask import request
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import Field, Form, SelectField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import Length, Optional

from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.leads.own_field_models import OwnKind
from crm.leads.own_fields import DefinedField, OwnValue, own_fields, used_fields
from crm.web.date_fields import DateField
from crm.web.errors import refusal_text
from crm.web.forms import cleaned, sensible_year

AnyForm = TypeVar("AnyForm", bound=FlaskForm)
NOT_FILLED = SelectChoice("", "未填")
MOST_KEPT = 32  # forms: a zone has one at a time, tests have many
LONGEST_NUMBER = 40
ASKED = "own"  # an address or a form that asks for the controls


@value_class
class OwnBlock:
    """The zone's fields at the end of the form, whose controls are fetched as they are unfolded."""

    controls: list[tuple[DefinedField, Any]]
    filled: int  # how many the lead has
    is_shown: bool

    @property
    def names(self) -> list[str]:
        """What the line that unfolds them promises."""
        return [field.name for field, _ in self.controls]


def with_own_fields(db: Session, form: type[AnyForm]) -> type[AnyForm]:
    """The form with a control for each of the zone's fields in use."""
    base: Any = form
    made: type[AnyForm] = _form_of(base, used_fields(db))
    return made


def is_of_used_fields(db: Session, form: FlaskForm, held: Mapping[str, OwnValue]) -> bool:
    """Whether nothing was typed into a field that was retired since the form was opened.

    Else the form says what was typed, for once: sent again it has no such control.
    """
    typed = [
        (field, text)
        for field in own_fields(db)
        if not field.is_used and (text := cleaned(request.form.get(field.code)))
    ]
    # what the lead has already stays on it
    lost = [(field, text) for field, text in typed if text != _as_sent(field, held)]
    form.form_errors += [_not_asked(field, text) for field, text in lost]
    return not lost


def _as_sent(field: DefinedField, held: Mapping[str, OwnValue]) -> str | None:
    return str(_shown(field, held[field.code])) if field.code in held else None


def _not_asked(field: DefinedField, text: str) -> str:
    choice = field.choice(text)
    words = choice.name if choice else text
    return (
        f"“{field.name}”已停用，刚才填写的“{words}”不会保存；需要保留的请写入备注，然后再次保存。"
    )


@lru_cache(maxsize=MOST_KEPT)
def _form_of(form: type[FlaskForm], fields: tuple[DefinedField, ...]) -> Any:
    controls = {field.code: _control(field) for field in fields}
    return type(form.__name__, (form,), controls)


def _control(field: DefinedField) -> Any:
    match field.kind:
        case OwnKind.DATE:
            return DateField(field.name, [Optional(), sensible_year])
        case OwnKind.CHOICE:
            return SelectField(field.name, choices=_choices(field), validate_choice=False)
        case OwnKind.NUMBER:
            checks = [Length(max=LONGEST_NUMBER), _reads_as(field)]
            return StringField(field.name, checks, filters=[cleaned])
    return StringField(field.name, [_reads_as(field)], filters=[cleaned])


def _choices(field: DefinedField, kept: object = None) -> list[Any]:
    offered = (SelectChoice(choice.code, choice.name) for choice in field.offered(kept))
    return [NOT_FILLED, *offered]


def _reads_as(field: DefinedField) -> Any:
    """Refuse what is no value of the field."""

    def check(_form: Form, control: Field) -> None:
        try:
            field.read(control.data or "")
        except Refused as refusal:
            raise ValidationError(refusal_text(refusal)) from None

    return check


def offer_kept(db: Session, form: FlaskForm, held: Mapping[str, OwnValue]) -> None:
    """Keep a retired choice that the lead has among those offered."""
    for field, control in own_controls(db, form):
        if field.kind is OwnKind.CHOICE:
            control.choices = _choices(field, held.get(field.code))


def own_controls(db: Session, form: FlaskForm) -> list[tuple[DefinedField, Any]]:
    """The controls of the zone's fields that the form has."""
    return [(field, form[field.code]) for field in used_fields(db) if field.code in form]


def own_block(db: Session, form: FlaskForm, held: Mapping[str, OwnValue] | None = None) -> OwnBlock:
    """The block, with its controls where they are asked for or came with the form."""
    controls = own_controls(db, form)
    return OwnBlock(
        controls,
        filled=sum(field.code in (held or {}) for field, _ in controls),
        is_shown=ASKED in request.values or any(control.raw_data for _, control in controls),
    )


def asks_for_own_fields() -> bool:
    """Whether the form was sent for the controls alone, as it is without script."""
    return ASKED in request.form


def not_sent(db: Session, form: FlaskForm) -> set[str]:
    """The fields whose controls the form was sent without: it leaves them as they are."""
    return {field.code for field, control in own_controls(db, form) if not control.raw_data}


def own_data(db: Session, form: FlaskForm) -> dict[str, OwnValue | None]:
    """The values of a valid form, of the fields that were sent."""
    return {
        field.code: _value(field, control.data)
        for field, control in own_controls(db, form)
        # a field added since the form was opened is no empty one
        if control.raw_data
    }


def _value(field: DefinedField, data: date | str | None) -> OwnValue | None:
    return data if isinstance(data, date) else field.read(data or "")


def own_form_values(
    fields: Sequence[DefinedField], held: Mapping[str, OwnValue]
) -> dict[str, OwnValue | None]:
    """The values as the controls show them."""
    return {
        field.code: _shown(field, held[field.code]) if field.code in held else None
        for field in fields
    }


def _shown(field: DefinedField, value: OwnValue) -> OwnValue:
    return field.words(value) if field.kind is OwnKind.NUMBER else value


def own_words(fields: Sequence[DefinedField], held: Mapping[str, OwnValue]) -> dict[str, str]:
    """The names of the choices that a lead has."""
    return {
        field.code: field.words(held[field.code])
        for field in fields
        if field.kind is OwnKind.CHOICE and field.code in held
    }
