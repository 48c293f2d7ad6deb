"""Warns the second of two people who edit one record at the same time."""

from collections.abc import Collection, Mapping
from datetime import date, time
from enum import StrEnum
from hashlib import sha256
from typing import Any

from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import HiddenField
from wtforms.validators import Length

from crm.audit.queries import last_change, last_entry_id
from crm.base import formatting
from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.web.errors import show_at_field
from crm.web.forms import cleaned, whole_number
from crm.web.transaction import moment, today

HASH = 8  # characters of each value's hash: enough to tell values apart
NOTHING = "空"
SOMEBODY = "有人"


class VersionedForm(FlaskForm):
    """A form that carries a hash of each value as it was when the form was opened."""

    seen = HiddenField(filters=[cleaned], validators=[Length(max=500)])


@value_class
class CurrentRecord:
    """The record's present values, as a form shows them."""

    row: Any
    values: Mapping[str, Any]  # by form field
    words: Mapping[str, str]  # labels of values that are ids or codes


def version_of(db: Session, current: CurrentRecord) -> str:
    """The id of the row's last audit entry and a hash of each value, for the hidden field."""
    return ".".join([str(last_entry_id(db, current.row)), *map(_hash, current.values.values())])


def has_conflict(
    db: Session, form: VersionedForm, current: CurrentRecord, *, but: Collection[str] = ()
) -> bool:
    """Whether the form would undo a change made since; then the fields say so.

    Fields in `but` are ignored. Sent again, the form overwrites the change.
    """
    remembered = (form.seen.data or "").split(".")
    # without a usable version nothing can be compared: the form is saved
    if len(remembered) != len(current.values) + 1 or not _is_entry(remembered[0]):
        return False

    # a value that both changed alike is no conflict
    lost = [
        name
        for (name, value), was in zip(current.values.items(), remembered[1:], strict=True)
        if name not in but and _hash(value) not in (was, _hash(form[name].data))
    ]
    if not lost:
        return False

    refusal = _refusal(db, current.row, since=int(remembered[0]))
    # the person has now been told, so the next try is saved
    form.seen.data = version_of(db, current)
    show_at_field(form, refusal)

    for name in lost:
        value = current.words.get(name) or _in_words(current.values[name])
        form[name].errors = [*form[name].errors, f"{refusal.facts['who']}已改为：{value}。"]

    return True


def _is_entry(text: str) -> bool:
    """Whether the text can be the id of an entry, or 0."""
    return whole_number(text) is not None


def _refusal(db: Session, row: Any, *, since: int) -> Refused:
    """The refusal that names who changed the row last, and when."""
    name, at = last_change(db, row, since_id=since) or (None, moment())
    who = name or SOMEBODY
    return Refused("changed_meanwhile", who=who, at=formatting.moment(at, today()))


def _hash(value: object) -> str:
    return sha256(_plain(value).encode()).hexdigest()[:HASH]


def _plain(value: object) -> str:
    """A value as text, equal whether read from the database or typed."""
    match value:
        case None:
            return ""
        case StrEnum():
            return value.value
        case time():
            return f"{value:%H:%M}"
        # the order of chosen items means nothing
        case list() | tuple() | set():
            return ",".join(sorted(map(str, value)))
    # browsers send line breaks as CRLF
    return str(value).replace("\r\n", "\n").strip()


def _in_words(value: object) -> str:
    match value:
        case LabeledEnum():
            return value.label
        case date():
            return formatting.dated(value, today())
    return _plain(value) or NOTHING
