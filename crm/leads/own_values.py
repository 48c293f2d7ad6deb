"""What leads have in the zone's own fields; a changed value keeps its former row (PROJECTS 1)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from crm.base.db import batches
from crm.base.names import spellings
from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.leads.models import Lead
from crm.leads.own_field_models import LeadOwnValue, OwnField, OwnKind
from crm.leads.own_fields import DefinedField, OwnValue, defined, own_fields, used_fields
from crm.people.models import Person

Changes = tuple[dict[str, object], dict[str, object]]  # values before and after, by field
COLUMN_OF = {OwnKind.TEXT: "text", OwnKind.NUMBER: "number", OwnKind.DATE: "day"}


@value_class
class OwnRow:
    """What a lead has or had in a field."""

    field: DefinedField
    value: OwnValue
    entered_at: datetime
    entered_by: str | None
    replaced_at: datetime | None

    @property
    def code(self) -> str:
        """The code of the field."""
        return self.field.code


@value_class
class OwnChange:
    """A value that was entered, changed or taken away at a moment."""

    field: DefinedField
    at: datetime
    former: OwnValue | None
    latter: OwnValue | None
    by: str | None


@value_class
class OwnFilter:
    """What a list of leads is narrowed to by a field; an empty bound narrows nothing."""

    field_id: int
    text: str = ""  # that a text contains
    choice_id: int | None = None
    first: Decimal | date | None = None
    last: Decimal | date | None = None

    def matches(self) -> ColumnElement[bool]:
        """The leads that have such a value."""
        held = select(LeadOwnValue.lead_id).where(
            LeadOwnValue.field_id == self.field_id, LeadOwnValue.replaced_at.is_(None)
        )
        if self.text:
            texts = (
                LeadOwnValue.text.icontains(typed, autoescape=True)
                for typed in spellings(self.text)
            )
            held = held.where(or_(*texts))
        if self.choice_id is not None:
            held = held.where(LeadOwnValue.choice_id == self.choice_id)
        for bound, is_last in ((self.first, False), (self.last, True)):
            if bound is not None:
                is_number = isinstance(bound, Decimal)
                column: Any = LeadOwnValue.number if is_number else LeadOwnValue.day
                held = held.where(column <= bound if is_last else column >= bound)
        return Lead.id.in_(held)


def own_rows(db: Session, lead_id: int) -> Sequence[OwnRow]:
    """All values of a lead, those that were replaced too: field by field, as they came."""

    def read() -> list[OwnRow]:
        # one read with the fields: a lead's page needs no others
        field = contains_eager(LeadOwnValue.field).joinedload(OwnField.choices)
        loaded = field, joinedload(LeadOwnValue.choice), joinedload(LeadOwnValue.entered_by)
        rows = select(LeadOwnValue).join(LeadOwnValue.field)
        rows = rows.where(LeadOwnValue.lead_id == lead_id).options(*loaded)
        rows = rows.order_by(OwnField.position, OwnField.id, LeadOwnValue.id)
        return [
            OwnRow(
                defined(row.field),
                _value(row),
                row.entered_at,
                row.entered_by.name if row.entered_by else None,
                row.replaced_at,
            )
            for row in db.scalars(rows.execution_options(populate_existing=True)).unique()
        ]

    return remembered(db, "lead-own-values", lead_id, read=read)


def held_values(rows: Iterable[OwnRow]) -> dict[str, OwnValue]:
    """By code of field, the values that hold."""
    return {row.code: row.value for row in rows if row.replaced_at is None}


def own_changes(rows: Sequence[OwnRow], since: datetime) -> list[OwnChange]:
    """What was entered after that moment, and what was changed, in the order of the rows."""
    found, latter_rows = [], set()
    for index, row in enumerate(rows):
        if row.replaced_at is None:
            continue
        # what replaced a row came after it, at that moment
        after = (
            place
            for place, other in enumerate(rows[index + 1 :], start=index + 1)
            if (other.code, other.entered_at) == (row.code, row.replaced_at)
        )
        place = next(after, None)
        value, by = (None, None) if place is None else (rows[place].value, rows[place].entered_by)
        latter_rows.add(place)
        found.append(OwnChange(row.field, row.replaced_at, row.value, value, by))

    first = [
        OwnChange(row.field, row.entered_at, None, row.value, row.entered_by)
        for index, row in enumerate(rows)
        if row.entered_at > since and index not in latter_rows
    ]
    return [*first, *found]


def values_of_leads(db: Session, lead_ids: Sequence[int]) -> Mapping[int, Mapping[str, OwnValue]]:
    """By lead and code of field, the values that hold; an empty mapping where there are none."""
    codes = {field.id: field.code for field in own_fields(db)}
    found: defaultdict[int, dict[str, OwnValue]] = defaultdict(dict)
    if not codes:
        return found
    for part in batches(lead_ids):
        rows = select(LeadOwnValue).where(
            LeadOwnValue.lead_id.in_(part), LeadOwnValue.replaced_at.is_(None)
        )
        for row in db.scalars(rows.options(joinedload(LeadOwnValue.choice))):
            found[row.lead_id][codes[row.field_id]] = _value(row)
    return found


def own_cells(db: Session, values: Mapping[str, OwnValue]) -> dict[str, object]:
    """The values by column of a file."""
    return {field.code: own_cell(field, values.get(field.code)) for field in own_fields(db)}


def own_cell(field: DefinedField, value: OwnValue | None) -> object:
    """A value as a file has it: a number without trailing zeros, a choice by its name."""
    if isinstance(value, Decimal):
        return Decimal(field.words(value))
    return value if isinstance(value, date) else field.words(value)


def keep_own_values(
    db: Session,
    lead: Lead,
    values: Mapping[str, OwnValue | None],
    *,
    by: Person | None,
    now: datetime,
) -> Changes:
    """Keep the values of these fields, of those in use; returns in words what changed.

    Refused as `DefinedField.read` is.
    """
    fields = {field.code: field for field in used_fields(db) if field.code in values}
    held = {row.field_id: row for row in _held_rows(db, lead.id, fields.values())}
    before: dict[str, object] = {}
    after: dict[str, object] = {}

    for code, field in fields.items():
        former = _value(held[field.id]) if field.id in held else None
        value = _checked(field, values[code], former)
        if value == former:
            continue
        before[code], after[code] = field.words(former) or None, field.words(value) or None
        if field.id in held:
            held[field.id].replaced_at = now
            db.flush()  # before the new row: one of each field holds
        if value is not None:
            entry = {"entered_at": now, "entered_by_id": by.id if by else None}
            db.add(LeadOwnValue(lead_id=lead.id, **value_columns(field, value), **entry))
    db.flush()

    return before, after


def _held_rows(
    db: Session, lead_id: int, fields: Collection[DefinedField]
) -> Sequence[LeadOwnValue]:
    if not fields:
        return []
    rows = select(LeadOwnValue).where(
        LeadOwnValue.lead_id == lead_id,
        LeadOwnValue.replaced_at.is_(None),
        LeadOwnValue.field_id.in_([field.id for field in fields]),
    )
    return db.scalars(rows.options(joinedload(LeadOwnValue.choice))).all()


def _checked(
    field: DefinedField, value: OwnValue | None, former: OwnValue | None
) -> OwnValue | None:
    """The value, where it is of the field's kind; a retired choice only where the lead has it."""
    if value in (None, former):
        return value
    if isinstance(value, Decimal) and field.kind is OwnKind.NUMBER:
        return field.checked_number(value)
    if isinstance(value, date) and field.kind is OwnKind.DATE:
        return value

    read = field.read(str(value))
    if field.kind is OwnKind.CHOICE and read not in {each.code for each in field.offered(former)}:
        raise field.not_offered(field.words(read))
    return read


def value_columns(field: DefinedField, value: OwnValue) -> dict[str, Any]:
    """The columns of a row that keeps the value, but for its lead and its entry."""
    columns: dict[str, Any] = {"field_id": field.id, "kind": field.kind}
    columns |= dict.fromkeys(("text", "number", "day", "choice_id"))
    if field.kind is OwnKind.CHOICE:
        choice = field.choice(value)
        return columns | {"choice_id": choice.id if choice else None}
    return columns | {COLUMN_OF[field.kind]: value}


def _value(row: LeadOwnValue) -> OwnValue:
    """The value of a row whose choice is loaded."""
    if row.choice:
        return row.choice.code
    value: OwnValue = getattr(row, COLUMN_OF[row.kind])
    return value
