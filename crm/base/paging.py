"""Pages of long lists by keyset: the last page costs no more than the first."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar, TypeVarTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    SQLColumnExpression,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import TypeEngine

from crm.base.db import LARGEST_ID, Instant, Text
from crm.base.value_class import value_class

PAGE = 30

T = TypeVar("T")
Item = TypeVar("Item")
Columns = TypeVarTuple("Columns")
Key = InstrumentedAttribute[date] | InstrumentedAttribute[datetime] | InstrumentedAttribute[str]


@value_class
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
    place = place_at(cursor, on=on, row_id=row_id, size=size, earliest_first=earliest_first)
    return place.cut(db.scalars(place.narrowed(query)).all())


# not a value class: mypy would take its columns for descriptors
@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: before or after the row of those keys, or at the list's own begin."""

    on: Key
    row_id: InstrumentedAttribute[int]
    size: int
    earliest_first: bool
    keys: tuple[Any, int] | None = None
    is_backwards: bool = False

    def narrowed(self, query: Select[*Columns]) -> Select[*Columns]:
        """The query for the page's rows and one more, which shows whether there is a next page."""
        if self.keys is not None:
            row = tuple_(self.on, self.row_id)
            query = query.where(row > self.keys if self._is_ascending else row < self.keys)
        return query.order_by(*self._order((self.on, self.row_id))).limit(self.size + 1)

    def narrowed_of(self, queries: Iterable[Select[*Columns]]) -> CompoundSelect[*Columns]:
        """As `narrowed`, of queries that find different rows, each by an index of its own."""
        found = union_all(*(select(self.narrowed(query).subquery()) for query in queries))
        columns = [found.selected_columns[column.key] for column in (self.on, self.row_id)]
        return found.order_by(*self._order(columns)).limit(self.size + 1)

    def cut(self, found: Sequence[Item]) -> Page[Item]:
        """The page of what was found, which has the keys, with the cursors of its neighbours."""
        is_first = self.keys is None
        page = cut(found, self.size, self._keys_of, is_first=is_first, backwards=self.is_backwards)
        newer, older = page.newer, page.older
        if self.earliest_first:
            newer, older = older, newer
        return Page(page.items, newer and f"n_{newer}", older and f"o_{older}")

    @property
    def _is_ascending(self) -> bool:
        return self.earliest_first is not self.is_backwards

    def _order(self, columns: Iterable[SQLColumnExpression[Any]]) -> list[ColumnElement[Any]]:
        return [column.asc() if self._is_ascending else column.desc() for column in columns]

    def _keys_of(self, item: object) -> str:
        """The item's keys as addresses carry them: `2026-07-20_12`."""
        return f"{getattr(item, self.on.key)}_{getattr(item, self.row_id.key)}"


def cut(
    found: Sequence[Item],
    size: int,
    keys_of: Callable[[Item], str],
    *,
    is_first: bool,
    backwards: bool,
) -> Page[Item]:
    """The page of what was found, one row more than fits, with the keys at its two ends.

    `newer` has those of the page before, `older` those of the page after.
    """
    items, has_more = found[:size], len(found) > size
    if backwards:
        items = items[::-1]
    if not items:
        return Page(items, None, None)

    begins = is_first or (backwards and not has_more)
    ends = not backwards and not has_more
    return Page(
        items,
        None if begins else keys_of(items[0]),
        None if ends else keys_of(items[-1]),
    )


def place_at(
    cursor: str | None,
    *,
    on: Key,
    row_id: InstrumentedAttribute[int],
    size: int = PAGE,
    earliest_first: bool = False,
) -> Place:
    """The place that a cursor names; one that was tampered with names the first page."""
    first = Place(on, row_id, size, earliest_first)
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
