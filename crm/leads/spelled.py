"""The pinyin within what a lead is found by, to sort by; the two databases cut text differently."""

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.functions import FunctionElement

from crm.base.db import Text

MOST = 40  # characters: keys stand in addresses


class Spelled(FunctionElement[str]):
    """What follows the first blank of a search text, which is the pinyin (`names.search_text`)."""

    inherit_cache = True
    type = Text()

    def __init__(self, search: InstrumentedAttribute[str]) -> None:
        super().__init__(search)


@compiles(Spelled, "sqlite")
def _in_sqlite(element: Spelled, compiler: Any, **kwargs: Any) -> str:
    (search,) = (compiler.process(part, **kwargs) for part in element.clauses)
    return f"substr({search}, instr({search}, ' ') + 1, {MOST})"


@compiles(Spelled, "postgresql")
def _in_postgresql(element: Spelled, compiler: Any, **kwargs: Any) -> str:
    (search,) = (compiler.process(part, **kwargs) for part in element.clauses)
    return f"substr({search}, strpos({search}, ' ') + 1, {MOST})"
