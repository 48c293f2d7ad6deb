"""The columns of a zone's own fields in a file of leads (PROJECTS 1)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.base.sheet_problems import Problem, named_lines
from crm.base.sheets import Column, Row, Sheet
from crm.leads.fields import LEAD_COLUMNS
from crm.leads.own_fields import DefinedField, OwnValue, is_own_code, own_columns, own_fields
from crm.leads.own_values import own_cell

OwnValues = Sequence[tuple[DefinedField, OwnValue]]


def lead_columns(db: Session) -> tuple[Column, ...]:
    """The columns of a file of leads, those of the zone's own fields last."""
    return (*LEAD_COLUMNS, *own_columns(db))


def columns_to_read(db: Session) -> tuple[Column, ...]:
    """The same; those of retired fields are read, so that a file that fills them is answered."""
    own = (replace(column, shown_only=False) for column in own_columns(db))
    return (*LEAD_COLUMNS, *own)


class OwnCells:
    """What the rows of a file have in own fields, taken out of their other cells."""

    def __init__(self, db: Session, sheet: Sheet) -> None:
        self._sheet = sheet
        self._fields = [field for field in own_fields(db) if field.code in sheet.headings]
        self._cells = {row.line: row.cells for row in sheet.rows} if self._fields else {}
        if self._fields:
            sheet.rows = [Row(row.line, _without_own(row.cells)) for row in sheet.rows]

    def read(self, line: int) -> OwnValues:
        """The values of a row in used fields; what cannot be read is noted as a problem."""
        read = [
            (field, self._sheet.ask(line, partial(field.read, self._cells[line][field.code])))
            for field in self._fields
            if field.is_used
        ]
        return [(field, value) for field, value in read if value is not None]

    def require_offered(self, line: int, values: OwnValues) -> None:
        """Refuse retired choices, which only a known lead may have."""
        for field, value in values:
            choice = field.choice(value)
            if choice and not choice.is_offered:
                self._sheet.add_problem(line, field.not_offered(choice.name))

    def notices(self, lines_of_new: Sequence[int]) -> list[Problem]:
        """The retired fields that new rows fill: their values are not imported."""
        found = []
        for field in self._fields:
            lines = [line for line in lines_of_new if self._cells[line][field.code]]
            if lines and not field.is_used:
                facts = {"name": self._sheet.headings[field.code], "lines": named_lines(lines)}
                found.append(Problem(Refused("own_field_retired", None, **facts)))
        return found


def cells_of_own(values: OwnValues) -> dict[str, object]:
    """The values as an export of the lead has them."""
    return {field.code: own_cell(field, value) for field, value in values}


def _without_own(cells: Mapping[str, str]) -> dict[str, str]:
    return {code: text for code, text in cells.items() if not is_own_code(code)}
