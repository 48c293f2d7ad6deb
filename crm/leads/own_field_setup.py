"""An admin defines the zone's own fields: adds, changes and retires them (PROJECTS 1)."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.base.names import folded
from crm.base.sheets import PROBLEM
from crm.base.value_class import value_class
from crm.leads.fields import LEAD_COLUMNS, LEAD_FIELDS
from crm.leads.own_field_models import OwnField, OwnFieldChoice, OwnKind
from crm.leads.own_fields import MOST_USED, OWN_CODE, is_own_code
from crm.people.models import Person
from crm.people.rules import SYSTEM

MOST_CHOICES = 20  # of one field: forms have them all


@value_class
class ChoiceData:
    """A choice that the field has already: its name, and whether it is still offered."""

    name: str
    is_offered: bool = True


@value_class(kw_only=True)
class OwnFieldData:
    """What an admin says of a field."""

    name: str
    kind: OwnKind
    hint: str | None = None
    position: int = 0
    is_used: bool = True
    choices: Mapping[int, ChoiceData] = field(default_factory=dict)  # by id, those it has
    new_choices: Sequence[str] = ()


def field_rows(db: Session) -> Sequence[OwnField]:
    """The fields in their order, retired ones, too."""
    return db.scalars(select(OwnField).order_by(OwnField.position, OwnField.id)).all()


def choices_of(db: Session, field_id: int) -> Sequence[OwnFieldChoice]:
    """The choices of a field, retired ones, too."""
    rows = select(OwnFieldChoice).where(OwnFieldChoice.field_id == field_id)
    return db.scalars(rows.order_by(OwnFieldChoice.id)).all()


def add_field(db: Session, *, data: OwnFieldData, by: Person, now: datetime) -> OwnField:
    """Add a field; its code follows from how many there are.

    Refused as `not_yours`, `required`, `name_taken`, `too_many_own_fields`, `choices_needed`,
    `too_many_choices`.
    """
    _check(db, data, by)
    number = len(field_rows(db)) + 1  # no row is ever deleted
    row = OwnField(code=f"{OWN_CODE}{number}", kind=data.kind, **_columns(data))
    db.add(row)
    db.flush()

    _keep_choices(db, row, data)
    after = {"code": row.code, "kind": row.kind.label, **_columns(data)}
    record(db, "own_field.added", row, by=by, at=now, after=after | _choices_in_words(db, row))

    return row


def change_field(
    db: Session, *, row: OwnField, data: OwnFieldData, by: Person, now: datetime
) -> None:
    """Change a field or retire it: leads keep their values; so do retired choices.

    Refused as `add_field` is, and as `own_kind_stays` where leads have values.
    """
    _check(db, data, by, row)
    before = {"kind": row.kind.label} | _choices_in_words(db, row)
    _keep_kind(db, row, data.kind)
    old, new = changes(row, _columns(data))
    _keep_choices(db, row, data)

    after = {"kind": row.kind.label} | _choices_in_words(db, row)
    old |= {name: value for name, value in before.items() if after[name] != value}
    new |= {name: after[name] for name in before if after[name] != before[name]}
    if new:
        record(db, "own_field.changed", row, by=by, at=now, before=old, after=new)


def _columns(data: OwnFieldData) -> dict[str, Any]:
    return {
        "name": data.name.strip(),
        "hint": (data.hint or "").strip() or None,
        "position": data.position,
        "is_used": data.is_used,
    }


def _check(db: Session, data: OwnFieldData, by: Person, row: OwnField | None = None) -> None:
    if by.role not in SYSTEM:
        raise Refused("not_yours")
    take_exclusive_lock(db)  # of two who add the last field at once, the second is refused
    name = folded(data.name)
    if not name:
        raise Refused("required", field="name")

    others = [other for other in field_rows(db) if row is None or other.id != row.id]
    # a file and a form tell columns apart by their names
    taken = {field.label for field in LEAD_FIELDS.values()}
    taken |= {field.input_label for field in LEAD_FIELDS.values()}
    columns = (*LEAD_COLUMNS, PROBLEM)
    taken |= {text for column in columns for text in (column.name, column.code)}
    taken |= {other.name for other in others}
    if is_own_code(name) or name in map(folded, taken):
        raise Refused("name_taken", field="name")
    if data.is_used and sum(other.is_used for other in others) >= MOST_USED:
        raise Refused("too_many_own_fields", field="is_used" if row else "name", most=MOST_USED)
    if data.kind is OwnKind.CHOICE:
        _check_choices(data)


def _check_choices(data: OwnFieldData) -> None:
    offered = [choice.name for choice in data.choices.values() if choice.is_offered]
    names = [*offered, *data.new_choices]
    if not names:
        raise Refused("choices_needed", field="new_choices")
    if len(names) > MOST_CHOICES:
        raise Refused("too_many_choices", field="new_choices", most=MOST_CHOICES)
    everything = [*(choice.name for choice in data.choices.values()), *data.new_choices]
    twice = next((name for name in everything if everything.count(name) > 1), None)
    if twice is not None:
        raise Refused("choice_twice", field="new_choices", name=twice)


def _keep_kind(db: Session, row: OwnField, kind: OwnKind) -> None:
    """Change the kind, unless the database says that leads have values."""
    if row.kind is kind:
        return
    try:
        with db.begin_nested():
            row.kind = kind
            db.flush()
    except IntegrityError as error:
        raise Refused("own_kind_stays", field="kind") from error


def _keep_choices(db: Session, row: OwnField, data: OwnFieldData) -> None:
    """Rename, retire and add choices; what no lead has is removed."""
    choices = choices_of(db, row.id)
    kept = data.choices if row.kind is OwnKind.CHOICE else {}
    for choice in choices:
        wanted = kept.get(choice.id, ChoiceData(choice.name, is_offered=False))
        if wanted.is_offered or not _is_removed(db, choice):
            choice.name, choice.is_offered = wanted.name.strip(), wanted.is_offered

    if row.kind is OwnKind.CHOICE:
        last = max((int(choice.code) for choice in choices), default=0)
        for number, name in enumerate(data.new_choices, start=last + 1):
            db.add(OwnFieldChoice(field_id=row.id, code=f"{number}", name=name, is_offered=True))
    db.flush()


def _is_removed(db: Session, choice: OwnFieldChoice) -> bool:
    """Whether the choice could be deleted; the database keeps what a lead has."""
    try:
        with db.begin_nested():
            db.delete(choice)
    except IntegrityError:
        db.refresh(choice)
        return False
    return True


def _choices_in_words(db: Session, row: OwnField) -> dict[str, object]:
    return {"choices": [choice.name for choice in choices_of(db, row.id) if choice.is_offered]}
