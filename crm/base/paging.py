"""Pages of long lists by keyset: the last page costs no more than the first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Row, Select, SQLColumnExpression, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import TypeEngine

from crm.base.db import LARGEST_ID, Instant, Text

PAGE = 30

T = TypeVar("T")
Item = TypeVar("Item")
Key = InstrumentedAttribute[date] | InstrumentedAttribute[datetime] | InstrumentedAttribute[str]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list, with the cursors of the pages beside it."""

    items: Sequence[T]
    newer: str | None
    older: str | None


def page_of(  # noqa: PLR0913 - a page is asked for by that much
    db: Session,
    query: Select[T],
    *,
    on: Key,
    row_id: InstrumentedAttribute[int],
    cursor: str | None = None,
    size: int = PAGE,
    earliest_first: bool = False,
) -> Page[T]:
    """The page of the query's entities at the cursor, the latest first by `on`, then by `row_id`.

    `on` must never be NULL: a row without a key is on no page.
    """
    place = _place(cursor, on, row_id, earliest_first=earliest_first)
    return place.cut(db.scalars(place.narrowed(query, size)).all(), size)


def rows_page(
    db: Session,
    *queries: Select[*tuple[Any, ...]],
    on: Key,
    row_id: InstrumentedAttribute[int],
    cursor: str | None = None,
    size: int = PAGE,
) -> Page[Row[*tuple[Any, ...]]]:
    """As `page_of`, of single columns, among them `on` and `row_id`.

    Several queries, of which each may have an index of its own, find rows that differ.
    """
    place = _place(cursor, on, row_id, earliest_first=False)
    parts = [place.narrowed(query, size) for query in queries]

    if len(parts) == 1:
        return place.cut(db.execute(parts[0]).all(), size)

    both = union_all(*(select(part.subquery()) for part in parts))
    columns = [both.selected_columns[column.key] for column in (on, row_id)]
    return place.cut(db.execute(both.order_by(*place.order(columns)).limit(size + 1)).all(), size)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins: before or after the row of those keys, or at the list's own begin."""

    on: Key
    row_id: InstrumentedAttribute[int]
    keys: tuple[Any, int] | None
    is_backwards: bool
    earliest_first: bool

    def narrowed(self, query: Select[T], size: int) -> Select[T]:
        """The query for the page's rows and one more, which shows whether there is a next page."""
        if self.keys is not None:
            row = tuple_(self.on, self.row_id)
            query = query.where(row > self.keys if self.is_ascending else row < self.keys)
        return query.order_by(*self.order((self.on, self.row_id))).limit(size + 1)

    @property
    def is_ascending(self) -> bool:
        return self.earliest_first is not self.is_backwards

    def order(self, columns: Iterable[SQLColumnExpression[Any]]) -> list[ColumnElement[Any]]:
        return [column.asc() if self.is_ascending else column.desc() for column in columns]

    def cut(self, found: Sequence[Item], size: int) -> Page[Item]:
        """The page that was found, with the cursors of its neighbours."""
        items, has_more = found[:size], len(found) > size
        if self.is_backwards:
            items = items[::-1]
        if not items:
            return Page(items, None, None)

        before = self._keys_of(items[0]) if has_more or not self.is_backwards else None
        if self.keys is None:
            before = None  # the list begins here
        after = self._keys_of(items[-1]) if has_more or self.is_backwards else None
        newer, older = (after, before) if self.earliest_first else (before, after)
        return Page(items, newer and f"n_{newer}", older and f"o_{older}")

    def _keys_of(self, item: object) -> str:
        """The item's keys as addresses carry them: `2026-07-20_12`."""
        return f"{getattr(item, self.on.key)}_{getattr(item, self.row_id.key)}"


def _place(
    cursor: str | None, on: Key, row_id: InstrumentedAttribute[int], *, earliest_first: bool
) -> _Place:
    """The place that a cursor names; one that was tampered with names the first page."""
    first = _Place(on, row_id, None, is_backwards=False, earliest_first=earliest_first)
    try:
        direction, rest = (cursor or "").replace("\0", "").split("_", 1)
        text, number = rest.rsplit("_", 1)
        keys = (_key(text, on.type), int(number))
    except (ValueError, OverflowError):  # the latter at the ends of the calendar
        return first

    if abs(keys[1]) > LARGEST_ID:
        return first
    is_backwards = (direction == "n") is not earliest_first
    return replace(first, keys=keys, is_backwards=is_backwards)


def _key(text: str, key_type: TypeEngine[Any]) -> date | str:
    """The sort key as a value of its column's type."""
    if isinstance(key_type, Text):
        return text
    if not isinstance(key_type, Instant):
        return date.fromisoformat(text)

    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant.astimezone(UTC)
