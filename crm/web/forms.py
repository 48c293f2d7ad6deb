"""Shared parts of forms: cleaning typed text, choices, arguments, and return addresses."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from flask import request, url_for
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import DecimalField, Field, IntegerField, ValidationError
from wtforms.fields.choices import SelectChoice as SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2

from crm.base.db import LARGEST_ID as LARGEST_ID
from crm.base.entered_dates import entered_date
from crm.base.enums import LabeledEnum
from crm.base.errors import Refused, refusals_of
from crm.base.typed_text import without_directions
from crm.people.models import Person
from crm.web.device_time import typed_on
from crm.web.errors import refusal_text, show_at_field
from crm.web.transaction import transaction

YEARS = range(2000, 2101)  # other years are typing mistakes

# Names that `url_for` treats as its own options.
NOT_ASKED_FOR = frozenset({"endpoint", "_anchor", "_external", "_method", "_scheme"})

NOTHING = SelectChoice("", "")  # the empty choice, first in a list
AnyEnum = TypeVar("AnyEnum", bound=StrEnum)


class WholeNumber(IntegerField):
    """A whole number; anything else gets a Chinese message and stays as typed."""

    def __init__(self, *args: Any, message: str = "请填写整数。", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._message = message

    def process_formdata(self, valuelist: list[Any]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(self._message) from None


class PlainDecimal(DecimalField):
    """A decimal number; infinity and what is no number get a Chinese message."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        message = "请填写数字。"
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(message) from None
        if self.data is not None and not self.data.is_finite():
            self.data = None
            raise ValueError(message)


def cleaned(text: str | None) -> str | None:
    """The text of a field of one line; `None` where empty.

    Line breaks, which only a post by hand can send, become blanks.
    """
    return " ".join((prose(text) or "").splitlines()) or None


def prose(text: str | None) -> str | None:
    """The stripped text; `None` where empty.

    It loses NUL, which PostgreSQL refuses, and the marks of direction.
    """
    return without_directions((text or "").replace("\0", "")).strip() or None


def row_id(text: str | int) -> int:
    """An id as a form sends it; ValueError for anything else."""
    read = int(text)
    if not 0 < read <= LARGEST_ID:
        raise ValueError(text)
    return read


def whole_number(text: str) -> int | None:
    """The number that a hidden field holds; none where it is no number of this application."""
    is_read = text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_ID))
    return int(text) if is_read and int(text) <= LARGEST_ID else None


def chosen_id(text: str | int) -> int | None:
    """The chosen id; `None` for the empty choice."""
    return None if text == "" else row_id(text)


def enum_choices(words: Iterable[LabeledEnum]) -> list[Any]:
    """Choices of enum members with their Chinese labels."""
    return [SelectChoice(word.value, word.label) for word in words]


def people_choices(people: Iterable[Person]) -> list[Any]:
    """Choices of people, searchable by name or pinyin."""
    return [
        SelectChoice(str(person.id), person.name, {"data-pinyin": person.search})
        for person in people
    ]


def sensible_year(_form: FlaskForm, field: Field) -> None:
    """Refuse a date whose year is a typing mistake."""
    if isinstance(field.data, date) and field.data.year not in YEARS:
        message = "请检查年份。"
        raise ValidationError(message)


def is_inside(target: str) -> bool:
    """Whether an address is a path of this application."""
    # browsers drop tabs and line breaks, so that `/\t/host` would lead to another host
    is_plain = all(char >= " " for char in target)
    return is_plain and target.startswith("/") and not target.startswith(("//", "/\\"))


def back_to(default: str) -> str:
    """The form's own page as it names it; only paths of this application."""
    target = request.form.get("back", "")
    return target if is_inside(target) else default


def show_refusal(form: FlaskForm, refusal: Refused, fields: Mapping[str, str]) -> None:
    """Show what is refused, each at the form's field, which may have another name than there."""
    for each in (refusal, *refusal.others):
        field = fields.get(each.field or "", each.field)
        show_at_field(form, Refused(each.code, field, **each.facts))


def refusal_beside(form: FlaskForm, refusal: Refused) -> str:
    """Show what is refused, each at its field; the sentence of what the form has no field for."""
    beside = ""
    for each in (refusal, *refusal.others):
        if each.field in form._fields:
            show_at_field(form, each)
        else:
            beside = beside or refusal_text(each)
    return beside


def is_faultless(form: FlaskForm, check: Callable[[], object]) -> bool:
    """Whether the form is valid and the service's check refuses nothing of it.

    Else every fault stands at its field, at once; `check` reads the form also where it is invalid.
    """
    is_valid = bool(form.validate())
    faulty = set(form.errors)
    found = list(refusals_of(check))
    for refusal in found:
        # a stand-in for what could not be read is not to blame
        if refusal.field not in faulty and (is_valid or refusal.field in form._fields):
            show_at_field(form, refusal)
    return is_valid and not found


def is_saved(
    form: FlaskForm, change: Callable[[Session], object], fields: Mapping[str, str] | None = None
) -> bool:
    """Whether the change was made and committed; else the refusal stands at the form's field.

    `fields`: as for `show_refusal`.
    """
    try:
        with transaction() as session:
            change(session)
    except Refused as refusal:
        show_refusal(form, refusal, fields or {})
        return False
    return True


def text_arg(name: str) -> str:
    """The query argument, cleaned; empty where it is missing."""
    return cleaned(request.args.get(name)) or ""


def enum_arg(name: str, word: type[AnyEnum]) -> AnyEnum | None:
    """The query argument as an enum member; `None` for unknown values."""
    try:
        return word(text_arg(name))
    except ValueError:
        return None


def date_arg(name: str) -> date | None:
    """The query argument as a date; `None` for missing or implausible ones."""
    return date_of(text_arg(name))


def date_of(text: str, *, is_ahead: bool = False) -> date | None:
    """The entered date; `None` for other texts and implausible years."""
    try:
        read = entered_date(text, typed_on(), is_ahead=is_ahead)
    except ValueError:
        return None
    return read if read.year in YEARS else None


def at_cursor(cursor: str | None) -> str | None:
    """The URL of this list at another cursor; `None` where there is no such page."""
    if cursor is None:
        return None
    values: dict[str, Any] = {**query_arguments(), **(request.view_args or {}), "at": cursor}
    return url_for(str(request.endpoint), **values)


def query_arguments() -> dict[str, str]:
    """The query arguments, to be repeated in another URL."""
    return {name: text for name, text in request.args.items() if name not in NOT_ASKED_FOR}
