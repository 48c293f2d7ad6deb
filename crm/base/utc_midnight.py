"""Dates beside instants in SQL, which the two databases write differently."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.functions import FunctionElement

from crm.base.clock import at_civil
from crm.base.db import Instant


class UtcMidnight(FunctionElement[datetime]):
    """The instant at which, in UTC, the day begins that is so many days after a date.

    In every time zone the day after that one begins later.
    """

    inherit_cache = True
    type = Instant()

    def __init__(self, on: ColumnElement[date] | InstrumentedAttribute[date], days: int) -> None:
        super().__init__(on, literal(days, Integer))


class CivilMidnight(FunctionElement[datetime]):
    """The instant at which the civil day begins that is so many days after a date.

    Exact where civil time keeps its distance from UTC, as in China; elsewhere off by an hour.
    """

    inherit_cache = True
    type = Instant()

    def __init__(self, on: InstrumentedAttribute[date], days: int) -> None:
        super().__init__(on, literal(days, Integer), literal(-_minutes_ahead(), Integer))


class CivilDate(FunctionElement[date]):
    """The civil date of an instant; exact where `CivilMidnight` is."""

    inherit_cache = True
    type = Date()

    def __init__(self, instant: ColumnElement[datetime] | InstrumentedAttribute[Any]) -> None:
        super().__init__(instant, literal(_minutes_ahead(), Integer))


def _minutes_ahead() -> int:
    """How far civil time is ahead of UTC."""
    some_date = date(2000, 1, 1)
    utc_midnight = datetime.combine(some_date, time(), UTC)
    return (utc_midnight - at_civil(some_date)) // timedelta(minutes=1)


@compiles(UtcMidnight, "sqlite")
def _in_sqlite(element: UtcMidnight, compiler: Any, **kwargs: Any) -> str:
    on, days = (compiler.process(part, **kwargs) for part in element.clauses)
    # instants are texts that begin with their date
    return f"date({on}, {days} || ' days')"


@compiles(UtcMidnight, "postgresql")
def _in_postgresql(element: UtcMidnight, compiler: Any, **kwargs: Any) -> str:
    on, days = (compiler.process(part, **kwargs) for part in element.clauses)
    return f"(CAST({on} + {days} AS timestamp) AT TIME ZONE 'UTC')"


@compiles(CivilMidnight, "sqlite")
def _civil_in_sqlite(element: CivilMidnight, compiler: Any, **kwargs: Any) -> str:
    on, days, minutes = (compiler.process(part, **kwargs) for part in element.clauses)
    return f"datetime({on}, {days} || ' days', {minutes} || ' minutes')"


@compiles(CivilMidnight, "postgresql")
def _civil_in_postgresql(element: CivilMidnight, compiler: Any, **kwargs: Any) -> str:
    on, days, minutes = (compiler.process(part, **kwargs) for part in element.clauses)
    local = f"CAST({on} + {days} AS timestamp) + {minutes} * interval '1 minute'"
    return f"(({local}) AT TIME ZONE 'UTC')"


@compiles(CivilDate, "sqlite")
def _date_in_sqlite(element: CivilDate, compiler: Any, **kwargs: Any) -> str:
    instant, minutes = (compiler.process(part, **kwargs) for part in element.clauses)
    return f"date({instant}, {minutes} || ' minutes')"


@compiles(CivilDate, "postgresql")
def _date_in_postgresql(element: CivilDate, compiler: Any, **kwargs: Any) -> str:
    instant, minutes = (compiler.process(part, **kwargs) for part in element.clauses)
    return f"CAST(({instant} AT TIME ZONE 'UTC') + {minutes} * interval '1 minute' AS date)"
