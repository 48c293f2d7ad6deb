"""A record's fields, declared once; forms, pages, imports, exports and audit labels read them."""

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY
from enum import Enum, auto
from typing import Any, TypeVar

from pydantic import create_model

from crm.base.cells import Cells, LineOrNone, ProseOrNone
from crm.base.enums import LabeledEnum
from crm.base.sheets import Column
from crm.base.value_class import value_class


class FieldKind(Enum):
    """What a field holds."""

    LINE = auto()  # a name or a short phrase
    LONG_LINE = auto()  # sentences without line breaks
    PROSE = auto()  # paragraphs
    CHOICE = auto()  # a member of `choices`
    CODE = auto()  # of a list that is no enum
    DATE = auto()
    MOMENT = auto()
    FLAG = auto()
    AMOUNT = auto()
    PERSON = auto()  # an id, as with the kinds below; the plural ones hold several
    PEOPLE = auto()
    UNIT = auto()
    LEAD = auto()
    LEADS = auto()
    OTHER = auto()  # an id of another table


TEXTS = frozenset({FieldKind.LINE, FieldKind.LONG_LINE, FieldKind.PROSE})
IDS = frozenset(
    {
        FieldKind.PERSON,
        FieldKind.PEOPLE,
        FieldKind.UNIT,
        FieldKind.LEAD,
        FieldKind.LEADS,
        FieldKind.OTHER,
    }
)
_LONGEST = {FieldKind.LINE: 100, FieldKind.LONG_LINE: 5000, FieldKind.PROSE: 5000}


@value_class
class Field:
    """One field of a record; `name` is its column's, its form field's and its name in the trail."""

    name: str
    label: str  # on pages and in the audit trail
    kind: FieldKind = FieldKind.LINE
    _: KW_ONLY
    choices: type[LabeledEnum] | None = None
    columns: tuple[Column, ...] = ()  # of imports and exports: users rely on their names
    in_form: bool = False
    form_label: str = ""  # where a form asks by another name
    required: str = ""  # what a form says where the field is empty
    longest: int = 0  # characters that a form takes; 0: those of the kind
    is_stored: bool = True  # a column of the record's own table
    is_hidden_with_leads: bool = False  # only for who may see every lead of the record (REGIME 2)
    is_searched: bool = False  # the text search of lists looks into it
    bears_on_quotas: bool = False  # a change of it may change a figure (REGIME 4)

    @property
    def input_label(self) -> str:
        """The label in forms."""
        return self.form_label or self.label

    @property
    def most_characters(self) -> int:
        """How many characters a form takes of a text."""
        return self.longest or _LONGEST[self.kind]


Fields = Mapping[str, Field]
Row = TypeVar("Row", bound=Cells)


def declared(*fields: Field) -> Fields:
    """The fields of a record by their names, in this order."""
    by_name = {field.name: field for field in fields}
    if len(by_name) != len(fields):
        raise ValueError("A field is declared twice.")
    return by_name


def columns_of(fields: Iterable[Field]) -> tuple[Column, ...]:
    """The columns of files, in the order of the fields."""
    return tuple(column for field in fields for column in field.columns)


def cells_of(fields: Fields, record: object) -> dict[str, object]:
    """By column, what a file says of a record as it is stored: all but ids, which have names."""
    return {
        field.columns[0].code: getattr(record, field.name)
        for field in fields.values()
        if field.columns and field.is_stored and field.kind not in IDS
    }


def with_texts(model: type[Row], fields: Fields) -> type[Row]:
    """The model with a cell for each declared text of a file that it does not read itself."""
    cells = {}
    for field in fields.values():
        if field.kind in TEXTS and field.columns and field.name not in model.model_fields:
            (column,) = field.columns
            cells[column.code] = (_cell_of(field.kind), None if column.optional else ...)
    row: type[Row] = create_model(model.__name__, __base__=model, **cells)  # type: ignore[call-overload]
    return row


def _cell_of(kind: FieldKind) -> Any:
    return LineOrNone if kind is FieldKind.LINE else ProseOrNone
