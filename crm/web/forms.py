"""Parts that forms share: what people type, made clean, and where a form leads back to."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from typing import Any, TypeVar

from flask import request, url_for
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import Field, ValidationError
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired

from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.leads.queries import lead_choices
from crm.leads.redaction import lead_labels
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.web.errors import show_at_field
from crm.web.transaction import transaction

LARGEST_ID = 2**31 - 1  # what PostgreSQL takes as an integer
YEARS = range(2000, 2101)  # a year beyond is a slip of the keys

# What `url_for` takes for a word to itself.
NOT_ASKED_FOR = frozenset({"endpoint", "_anchor", "_external", "_method", "_scheme"})

NOTHING = SelectChoice("", "")  # the empty choice, first in a list
AnyEnum = TypeVar("AnyEnum", bound=LabeledEnum)


class Needed(DataRequired):
    """Something that must be said; where all of a form must be, no star marks it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.field_flags = {}


def cleaned(text: str | None) -> str | None:
    """The text without blanks around it and NUL, which PostgreSQL refuses; none where empty."""
    return (text or "").replace("\0", "").strip() or None


def row_id(text: str | int) -> int:
    """An id as a form sends it; ValueError where it can be none."""
    read = int(text)
    if not 0 < read <= LARGEST_ID:
        raise ValueError(text)
    return read


def chosen_id(text: str | int) -> int | None:
    """The id that was chosen; none where the empty choice was."""
    return None if text == "" else row_id(text)


def enum_choices(words: Iterable[LabeledEnum]) -> list[Any]:
    """Words to choose from, by their Chinese names."""
    return [SelectChoice(each.value, each.label) for each in words]


def people_choices(people: Iterable[Person]) -> list[Any]:
    """People to choose from, found by name or pinyin."""
    return [SelectChoice(str(each.id), each.name, {"data-pinyin": each.search}) for each in people]


def leads_to_choose(db: Session, viewer: Viewer, on: date, chosen: Collection[int]) -> list[Any]:
    """The leads that a form offers, and those chosen already, as far as the viewer sees them."""
    leads = lead_choices(db, viewer, on)
    labels = lead_labels(db, viewer, set(chosen) - {one.id for one in leads}, on)
    seen = [label for label in labels.values() if label.id]
    return [
        *(_lead(one.id, one.title, one.company, one.search) for one in leads),
        *(_lead(label.id, label.text, label.company, "") for label in seen),
    ]


def _lead(lead_id: int | None, title: str, company: str | None, search: str) -> Any:
    return SelectChoice(str(lead_id), title, {"data-pinyin": search, "data-note": company or ""})


def sensible_year(_form: FlaskForm, field: Field) -> None:
    """Refuse a date that nobody can mean."""
    if isinstance(field.data, date) and field.data.year not in YEARS:
        message = "请检查年份。"
        raise ValidationError(message)


def is_inside(target: str) -> bool:
    """Whether an address is a path of this application."""
    # browsers drop tabs and line breaks, so that `/\t/host` would lead to another host
    is_plain = all(char >= " " for char in target)
    return is_plain and target.startswith("/") and not target.startswith(("//", "/\\"))


def back_to(default: str) -> str:
    """Where the form was, if it says so; a path of this application only."""
    target = request.form.get("back", "")
    return target if is_inside(target) else default


def show_refusal(form: FlaskForm, refusal: Refused, fields: Mapping[str, str]) -> None:
    """Show a refusal at the form's field, which may have another name than the service's."""
    field = fields.get(refusal.field or "", refusal.field)
    show_at_field(form, Refused(refusal.code, field, **refusal.facts))


def is_saved(
    form: FlaskForm, change: Callable[[Session], object], fields: Mapping[str, str] | None = None
) -> bool:
    """Whether the change was made and committed; else the refusal stands at the form's field.

    `fields`: as for `show_refusal`.
    """
    try:
        with transaction() as rows:
            change(rows)
    except Refused as refusal:
        show_refusal(form, refusal, fields or {})
        return False
    return True


def text_arg(name: str) -> str:
    """What the address says under that name; empty where nothing."""
    return cleaned(request.args.get(name)) or ""


def enum_arg(name: str, word: type[AnyEnum]) -> AnyEnum | None:
    """The word of the address under that name; none where it says none that is known."""
    try:
        return word(text_arg(name))
    except ValueError:
        return None


def date_arg(name: str) -> date | None:
    """The date of the address under that name; none where it says none that is sensible."""
    return date_of(text_arg(name))


def date_of(text: str) -> date | None:
    """The date that was typed; none where it is none, or none that anybody can mean."""
    try:
        read = date.fromisoformat(text)
    except ValueError:
        return None
    return read if read.year in YEARS else None


def at_cursor(cursor: str | None) -> str | None:
    """The address of this list at another page; none where there is none."""
    if cursor is None:
        return None
    values: dict[str, Any] = {**asked_for(), **(request.view_args or {}), "at": cursor}
    return url_for(str(request.endpoint), **values)


def asked_for() -> dict[str, str]:
    """What the address asks for, to be asked for again at another."""
    return {name: text for name, text in request.args.items() if name not in NOT_ASKED_FOR}
