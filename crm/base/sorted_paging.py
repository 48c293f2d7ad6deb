"""Pages of a list in an order that its reader picks, by keyset; rows without a key come last."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import isfinite
from typing import Any, TypeVar, TypeVarTuple

from sqlalchemy import (
    ColumnElement,
    Date,
    Float,
    Integer,
    Select,
    SQLColumnExpression,
    and_,
    func,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from crm.base.db import LARGEST_ID
from crm.base.paging import PAGE, Page, cut
from crm.base.value_class import value_class

Item = TypeVar("Item")
Columns = TypeVarTuple("Columns")
KEY = "sort_key"  # the column of the rows found
# what stands before a key in an address; a row without a key has nothing there
_HAS_KEY = "="


@value_class
class Order:
    """What a list is sorted by; a row whose key is NULL comes last in either direction."""

    key: ColumnElement[Any]
    is_descending: bool


# not a value class: mypy would take its columns for descriptors
@dataclass(frozen=True, slots=True)
class SortedPlace:
    """Where a page begins: before or after the row of that key and id, or at the begin."""

    order: Order
    row_id: InstrumentedAttribute[int]
    size: int = PAGE
    at: tuple[Any, int] | None = None
    is_backwards: bool = False

    def narrowed(self, query: Select[*Columns]) -> Select[*tuple[Any, ...]]:
        """The query for the page's rows, with their keys, and one more."""
        keyed = query.add_columns(self.order.key.label(KEY))
        if self.at is None:
            own_key = self.order.key.label(KEY)
            return keyed.order_by(*self._order(own_key, self.row_id)).limit(self.size + 1)

        # the key may cost more than all the rest: here each row's is computed once
        found = keyed.cte("keyed").prefix_with("MATERIALIZED")
        key, row_id = found.c[KEY], found.c[self.row_id.key]
        beyond = select(found).where(self._beyond(key, row_id))
        return beyond.order_by(*self._order(key, row_id)).limit(self.size + 1)

    def first_of_each(
        self, query: Select[*Columns], part: InstrumentedAttribute[Any]
    ) -> Select[*tuple[Any, ...]]:
        """Ids, parts and keys of each part's first rows, in their order, and one more of each."""
        keyed = query.with_only_columns(self.row_id, part, self.order.key.label(KEY))
        # as above: each row's key is computed once
        found = keyed.cte("keyed").prefix_with("MATERIALIZED")
        order = self._order(found.c[KEY], found.c[self.row_id.key])
        rank = func.row_number().over(partition_by=found.c[part.key], order_by=order).label("rank")
        ranked = select(found, rank).subquery()
        return select(ranked).where(ranked.c.rank <= self.size + 1).order_by(ranked.c.rank)

    def cut(self, found: Sequence[Item]) -> Page[Item]:
        """The page of what was found, with the cursors of its neighbours."""
        is_first = self.at is None
        page = cut(found, self.size, _keys_of, is_first=is_first, backwards=self.is_backwards)
        return Page(page.items, page.newer and f"n_{page.newer}", page.older and f"o_{page.older}")

    @property
    def _is_descending(self) -> bool:
        return self.order.is_descending is not self.is_backwards

    def _beyond(self, key: ColumnElement[Any], row_id: ColumnElement[int]) -> ColumnElement[bool]:
        """The rows on the far side of the row `at`."""
        value, at_id = self.at or (None, 0)
        if value is None:
            further = row_id < at_id if self._is_descending else row_id > at_id
            without = and_(key.is_(None), further)
            return or_(key.is_not(None), without) if self.is_backwards else without

        row, at = tuple_(key, row_id), (value, at_id)
        beyond = row < at if self._is_descending else row > at
        return beyond if self.is_backwards else or_(beyond, key.is_(None))

    def _order(
        self, key: ColumnElement[Any], row_id: SQLColumnExpression[int]
    ) -> list[ColumnElement[Any]]:
        directed = key.desc() if self._is_descending else key.asc()
        return [
            directed.nulls_first() if self.is_backwards else directed.nulls_last(),
            row_id.desc() if self._is_descending else row_id.asc(),
        ]


def sorted_place_at(
    cursor: str | None, order: Order, *, row_id: InstrumentedAttribute[int], size: int = PAGE
) -> SortedPlace:
    """The place that a cursor names; one that was tampered with names the first page."""
    first = SortedPlace(order, row_id, size)
    try:
        direction, rest = (cursor or "").replace("\0", "").split("_", 1)
        text, number = rest.rsplit("_", 1)
        at = (_value(text, order.key.type), int(number))
    except ValueError:
        return first

    if abs(at[1]) > LARGEST_ID:
        return first
    return replace(first, at=at, is_backwards=direction == "n")


def _keys_of(item: Any) -> str:
    """The item's key and id as addresses carry them: `=2026-07-20_12`, or `_12`."""
    value = getattr(item, KEY)
    return f"{'' if value is None else f'{_HAS_KEY}{value}'}_{item.id}"


def _value(text: str, key_type: TypeEngine[Any]) -> Any:
    """The key as a value of its type; ValueError for what is none."""
    if not text:
        return None
    plain = text.removeprefix(_HAS_KEY)
    if isinstance(key_type, Date):
        return date.fromisoformat(plain)

    if not isinstance(key_type, Integer | Float):
        return plain
    number = int(plain) if isinstance(key_type, Integer) else float(plain)
    if not isfinite(number) or (isinstance(key_type, Integer) and abs(number) > LARGEST_ID):
        raise ValueError(text)
    return number
