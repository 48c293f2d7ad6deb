"""Of two people who change one thing at once, the second is told before anything is lost."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from hashlib import sha256
from typing import Any

from flask_wtf import FlaskForm
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session
from wtforms import HiddenField
from wtforms.validators import Length

from crm.base import formatting
from crm.base.audit import AuditEntry
from crm.base.db import Base
from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.people.models import Person
from crm.web.errors import show_at_field
from crm.web.forms import LARGEST_ID, cleaned
from crm.web.transaction import moment, today

HASH = 8  # characters of each value's hash: enough to see that it is another
NOTHING = "空"
SOMEBODY = "有人"


class VersionedForm(FlaskForm):
    """A form that knows what stood there when it was opened: a hash of each value."""

    seen = HiddenField(filters=[cleaned], validators=[Length(max=500)])


def lock_row(db: Session, table: type[Base], row_id: int) -> None:
    """Hold a row before it is read, so that what is compared is still so when it is changed."""
    row: Any = table
    db.execute(select(row.id).where(row.id == row_id).with_for_update())


@dataclass(frozen=True, slots=True)
class CurrentRecord:
    """What stands there now, as a form shows it."""

    row: Any
    values: Mapping[str, Any]  # by the names of the form's fields
    words: Mapping[str, str]  # how to say those that are ids or codes


def version_of(db: Session, current: CurrentRecord) -> str:
    """What a form remembers: the trail's last entry about the row, and the values' hashes."""
    last = db.scalar(select(func.max(AuditEntry.id)).where(_about(current.row))) or 0
    return ".".join([str(last), *map(_hash, current.values.values())])


def has_conflict(
    db: Session, form: VersionedForm, current: CurrentRecord, *, but: Collection[str] = ()
) -> bool:
    """Whether the form would undo what somebody else has changed since; then it says so.

    Fields of `but` are not looked at. Sent once more, the form overwrites it knowingly.
    """
    remembered = (form.seen.data or "").split(".")
    if len(remembered) != len(current.values) + 1 or not _is_entry(remembered[0]):
        return False

    lost = [
        name
        for (name, value), was in zip(current.values.items(), remembered[1:], strict=True)
        if name not in but and _hash(value) not in (was, _hash(form[name].data))
    ]
    if not lost:
        return False

    refusal = _refusal(db, current.row, since=int(remembered[0]))
    form.seen.data = version_of(db, current)
    show_at_field(form, refusal)

    for name in lost:
        said = current.words.get(name) or _spoken(current.values[name])
        form[name].errors = [*form[name].errors, f"{refusal.facts['who']}已改为：{said}。"]

    return True


def _is_entry(text: str) -> bool:
    """Whether it may be the id of an entry, or 0 where there was none."""
    return text.isdecimal() and int(text) <= LARGEST_ID


def _about(row: Any) -> ColumnElement[bool]:
    return and_(AuditEntry.subject == row.__tablename__, AuditEntry.subject_id == row.id)


def _refusal(db: Session, row: Any, *, since: int) -> Refused:
    """By whom and when it was changed, as far as the trail of the row itself tells."""
    last = db.execute(
        select(Person.name, AuditEntry.at)
        .outerjoin_from(AuditEntry, Person, Person.id == AuditEntry.by_id)
        .where(_about(row), AuditEntry.id > since)
        .order_by(AuditEntry.id.desc())
        .limit(1)
    ).first()
    who, at = (last.name or SOMEBODY, last.at) if last else (SOMEBODY, moment())
    return Refused("changed_meanwhile", who=who, at=formatting.moment(at, today()))


def _hash(value: object) -> str:
    return sha256(_plain(value).encode()).hexdigest()[:HASH]


def _plain(value: object) -> str:
    """A value as text, alike whether it was read from the database or typed."""
    match value:
        case None:
            return ""
        case StrEnum():
            return value.value
        case time():
            return f"{value:%H:%M}"
        case list() | tuple() | set():
            return ",".join(sorted(map(str, value)))
    return str(value).replace("\r\n", "\n").strip()


def _spoken(value: object) -> str:
    match value:
        case LabeledEnum():
            return value.label
        case date():
            return formatting.dated(value, today())
    return _plain(value) or NOTHING
