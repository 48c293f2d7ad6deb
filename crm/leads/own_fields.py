"""A zone's own fields on leads: their definitions, and how values are read (PROJECTS 1)."""

import re
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from crm.base.cells import Cells, DayOrNone, LineOrNone, read_cells
from crm.base.errors import Refused
from crm.base.remembered import remembered_long
from crm.base.sheets import Column
from crm.base.typed_text import half_width
from crm.base.value_class import value_class
from crm.leads.own_field_models import OwnField, OwnKind

MOST_USED = 10
OWN_CODE = "own_"  # what codes begin with
LARGEST = Decimal(10) ** 12
DECIMALS = 4
_NUMBER = re.compile(r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?")
OwnValue: TypeAlias = str | Decimal | date  # a choice by its code


@value_class
class OwnChoice:
    """What can be chosen in a field."""

    id: int
    code: str
    name: str
    is_offered: bool


@value_class
class DefinedField:
    """An own field as forms, files and lists read it."""

    id: int
    code: str
    name: str
    kind: OwnKind
    hint: str | None
    is_used: bool
    choices: tuple[OwnChoice, ...]

    @property
    def column(self) -> Column:
        """The column of a file; imports pass over that of a retired field."""
        return Column(self.code, self.name, optional=True, shown_only=not self.is_used)

    def read(self, text: str) -> OwnValue | None:
        """The value that a cell or a control means; none where it is empty.

        Refused at the field as `bad_own_number`, `unknown_word`, `text_too_long`,
        `control_characters` or as dates are.
        """
        typed = text.strip()
        if not typed:
            return None
        match self.kind:
            case OwnKind.NUMBER:
                return self.checked_number(read_number(typed))
            case OwnKind.CHOICE:
                return self._chosen(typed).code
        return self._read_cell(typed)

    def _read_cell(self, typed: str) -> OwnValue | None:
        try:
            if self.kind is OwnKind.DATE:
                return read_cells(_DayCell, {"day": typed}).day
            return read_cells(_LineCell, {"line": typed}).line
        except Refused as refusal:
            raise Refused(refusal.code, self.code, **refusal.facts) from refusal

    def checked_number(self, number: Decimal | None) -> Decimal:
        """The number, where it is one, in its bounds, with four decimals at most."""
        if number is None or abs(number) >= LARGEST or number != round(number, DECIMALS):
            raise Refused("bad_own_number", self.code)
        return number

    def choice(self, code: object) -> OwnChoice | None:
        """The choice of that code."""
        return next((choice for choice in self.choices if choice.code == code), None)

    def offered(self, kept: object = None) -> list[OwnChoice]:
        """What a form offers: what is in use, and what the lead has already."""
        return [choice for choice in self.choices if choice.is_offered or choice.code == kept]

    def words(self, value: OwnValue | None) -> str:
        """A value as pages and files show it; a date as ISO writes it."""
        if value is None:
            return ""
        if isinstance(value, Decimal):
            return number_text(value)
        if self.kind is OwnKind.CHOICE:
            choice = self.choice(value)
            return choice.name if choice else str(value)
        return str(value)

    def _chosen(self, text: str) -> OwnChoice:
        for choice in self.choices:
            if text in (choice.code, choice.name):
                return choice
        raise self.not_offered(text)

    def not_offered(self, text: str) -> Refused:
        """The refusal of what is no choice."""
        allowed = "、".join(choice.name for choice in self.offered())
        return Refused("unknown_word", self.code, value=text, allowed=allowed)


class _LineCell(Cells):
    line: LineOrNone


class _DayCell(Cells):
    day: DayOrNone


def is_own_code(name: str) -> bool:
    """Whether a name is the code of an own field."""
    return name.startswith(OWN_CODE) and name.removeprefix(OWN_CODE).isdecimal()


def read_number(text: str) -> Decimal | None:
    """The number, written with or without thousands separators; none where it is no number."""
    typed = half_width(text).replace(" ", "")
    return Decimal(typed.replace(",", "")) if _NUMBER.fullmatch(typed) else None


def number_text(number: Decimal) -> str:
    """The number without exponent, separators and trailing zeros, as it can be typed again."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def own_fields(db: Session) -> tuple[DefinedField, ...]:
    """All own fields in the zone's order, retired ones, too; remembered until one changes."""

    def read() -> tuple[DefinedField, ...]:
        rows = select(OwnField).options(joinedload(OwnField.choices))
        # read anew: an admin's page may have changed the rows of this session
        rows = rows.order_by(OwnField.position, OwnField.id).execution_options(
            populate_existing=True
        )
        return tuple(defined(row) for row in db.scalars(rows).unique())

    return remembered_long(db, "own_fields", read=read)


def used_fields(db: Session) -> tuple[DefinedField, ...]:
    """The fields that forms ask for."""
    return tuple(field for field in own_fields(db) if field.is_used)


def own_columns(db: Session) -> tuple[Column, ...]:
    """The columns of a file of leads; imports pass over those of retired fields."""
    return tuple(field.column for field in own_fields(db))


def defined(row: OwnField) -> DefinedField:
    """A field whose choices are loaded."""
    choices = (
        OwnChoice(choice.id, choice.code, choice.name, choice.is_offered) for choice in row.choices
    )
    return DefinedField(row.id, row.code, row.name, row.kind, row.hint, row.is_used, tuple(choices))
