"""The cells of declared texts, for the models that read rows of files."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import create_model

from crm.base.cells import Cells, LineOrNone, ProseOrNone
from crm.base.fields import TEXTS, Field, FieldKind

Row = TypeVar("Row", bound=Cells)


def with_texts(model: type[Row], fields: Mapping[str, Field]) -> type[Row]:
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
