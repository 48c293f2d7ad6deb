"""Pages of long lists by keyset: no page costs more than the first, whatever lies behind it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, or_
from sqlalchemy.orm import InstrumentedAttribute, Session

from crm.base.db import Instant, Text

PAGE = 30
LARGEST_ID = 2**31 - 1  # PostgreSQL refuses an id beyond it

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list, with the cursors of the pages beside it."""

    items: Sequence[T]
    newer: str | None
    older: str | None


@dataclass(frozen=True, slots=True)
class _Cursor:
    is_newer: bool
    on: date | str
    id: int


def _read(text: str | None, key_of: Callable[[str], date | str]) -> _Cursor | None:
    """The cursor of that text; one that was tampered with is the first page."""
    try:
        way, rest = (text or "").replace("\0", "").split("_", 1)
        on, row_id = rest.rsplit("_", 1)
        found = _Cursor(way == "n", key_of(on), int(row_id))
    except (ValueError, OverflowError):  # the latter at the ends of the calendar
        return None
    return found if abs(found.id) <= LARGEST_ID else None


def _key_of(column: Any) -> Callable[[str], date | str]:
    """How the key of a column of that type is read from a cursor."""
    if isinstance(column, Text):
        return str
    return _instant if isinstance(column, Instant) else date.fromisoformat


def _instant(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError(text)
    return read.astimezone(UTC)


def page_of(  # noqa: PLR0913 - a page is asked for by that much
    db: Session,
    query: Select[T],
    *,
    on: InstrumentedAttribute[date] | InstrumentedAttribute[datetime] | InstrumentedAttribute[str],
    row_id: InstrumentedAttribute[int],
    cursor: str | None = None,
    size: int = PAGE,
    earliest_first: bool = False,
) -> Page[T]:
    """The page of the query's rows at the cursor, the latest first by `on`, then by `row_id`."""
    at = _read(cursor, _key_of(on.type))
    newer = at.is_newer if at else earliest_first  # the way the rows are read
    order = (on.asc(), row_id.asc()) if newer else (on.desc(), row_id.desc())
    if at is not None:
        query = query.where(_beyond(on, row_id, at))
    rows = list(db.scalars(query.order_by(*order).limit(size + 1)))
    has_more = len(rows) > size
    rows = rows[:size]
    keys = [f"{getattr(row, on.key)}_{getattr(row, row_id.key)}" for row in rows]
    has_newer, has_older = (has_more, at is not None) if newer else (at is not None, has_more)
    newest, oldest = (-1, 0) if newer else (0, -1)
    if newer is not earliest_first:
        rows.reverse()
    return Page(
        rows,
        f"n_{keys[newest]}" if keys and has_newer else None,
        f"o_{keys[oldest]}" if keys and has_older else None,
    )


def _beyond(on: Any, row_id: Any, at: _Cursor) -> ColumnElement[bool]:
    if at.is_newer:
        return or_(on > at.on, and_(on == at.on, row_id > at.id))
    return or_(on < at.on, and_(on == at.on, row_id < at.id))
