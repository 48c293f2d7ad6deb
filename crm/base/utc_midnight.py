"""Dates beside instants in SQL, which the two databases write differently."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.functions import FunctionElement

from crm.base.db import Instant


class UtcMidnight(FunctionElement[datetime]):
    """The instant at which, in UTC, the day begins that is so many days after a date.

    In every time zone the day after that one begins later.
    """

    inherit_cache = True
    type = Instant()

    def __init__(self, on: ColumnElement[date] | InstrumentedAttribute[date], days: int) -> None:
        super().__init__(on, literal(days, Integer))


@compiles(UtcMidnight, "sqlite")
def _in_sqlite(element: UtcMidnight, compiler: Any, **kwargs: Any) -> str:
    on, days = (compiler.process(part, **kwargs) for part in element.clauses)
    # instants are texts that begin with their date
    return f"date({on}, {days} || ' days')"


@compiles(UtcMidnight, "postgresql")
def _in_postgresql(element: UtcMidnight, compiler: Any, **kwargs: Any) -> str:
    on, days = (compiler.process(part, **kwargs) for part in element.clauses)
    return f"(CAST({on} + {days} AS timestamp) AT TIME ZONE 'UTC')"
