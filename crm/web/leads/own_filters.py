"""The list of leads narrowed by the zone's own fields (PROJECTS 1)."""

from datetime import date
from decimal import Decimal

from flask import request

from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.extensions import db
from crm.leads.own_field_models import OwnKind
from crm.leads.own_fields import OWN_CODE, DefinedField, own_fields
from crm.leads.own_values import OwnFilter
from crm.web.errors import refusal_text
from crm.web.forms import date_of, text_arg

FIRST, LAST = "_from", "_to"  # behind the code of the field
NO_DATE = "无法识别日期，请按 2026-07-15 的格式填写。"


@value_class
class OwnControl:
    """A field in the panel of filters, with what was typed."""

    field: DefinedField
    value: str
    first: str
    last: str
    problem: str

    @property
    def is_set(self) -> bool:
        return bool(self.value or self.first or self.last)


def is_own_argument(name: str) -> bool:
    """Whether an argument of the list's address asks for an own field."""
    return name.removesuffix(FIRST).removesuffix(LAST).removeprefix(OWN_CODE).isdecimal()


def own_filters() -> tuple[OwnFilter, ...]:
    """What the address asks for; what cannot be read narrows nothing."""
    if not any(map(is_own_argument, request.args)):
        return ()
    found = (_filter_of(field) for field in own_fields(db.session))
    return tuple(own for own in found if own)


def own_controls_of_list() -> list[OwnControl]:
    """The fields in use, and those that the address asks for."""
    controls = (_control(field) for field in own_fields(db.session))
    return [control for control in controls if control.field.is_used or control.is_set]


def _control(field: DefinedField) -> OwnControl:
    code = field.code
    problem = ""
    for name in (code + FIRST, code + LAST):
        try:
            _bound(field, text_arg(name))
        except Refused as refusal:
            problem = NO_DATE if field.kind is OwnKind.DATE else refusal_text(refusal)
    return OwnControl(field, text_arg(code), text_arg(code + FIRST), text_arg(code + LAST), problem)


def _filter_of(field: DefinedField) -> OwnFilter | None:
    typed = text_arg(field.code)
    choice = field.choice(typed)
    own = OwnFilter(
        field.id,
        text=typed if field.kind is OwnKind.TEXT else "",
        choice_id=choice.id if choice else None,
        first=_readable_bound(field, text_arg(field.code + FIRST)),
        last=_readable_bound(field, text_arg(field.code + LAST)),
    )
    return own if own != OwnFilter(field.id) else None


def _readable_bound(field: DefinedField, text: str) -> Decimal | date | None:
    try:
        return _bound(field, text)
    except Refused:
        return None


def _bound(field: DefinedField, text: str) -> Decimal | date | None:
    if not text or field.kind not in (OwnKind.NUMBER, OwnKind.DATE):
        return None
    if field.kind is OwnKind.DATE:
        on = date_of(text)
        if on is None:
            raise Refused("bad_date", field.code, value=text)
        return on
    value = field.read(text)
    return value if isinstance(value, Decimal) else None
