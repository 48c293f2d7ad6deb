"""Pages of long lists by keyset: the last page costs no more than the first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar

from sqlakeyset import Marker, select_page
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import TypeEngine

from crm.base.db import LARGEST_ID, Instant, Text

PAGE = 30

T = TypeVar("T")


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
    on: InstrumentedAttribute[date] | InstrumentedAttribute[datetime] | InstrumentedAttribute[str],
    row_id: InstrumentedAttribute[int],
    cursor: str | None = None,
    size: int = PAGE,
    earliest_first: bool = False,
) -> Page[T]:
    """The page of the query's rows at the cursor, the latest first by `on`, then by `row_id`.

    `on` must never be NULL: a row without a key is on no page.
    """
    order = (on.asc(), row_id.asc()) if earliest_first else (on.desc(), row_id.desc())
    marker = _marker(cursor, on.type, earliest_first=earliest_first)

    # sqlakeyset is typed for SQLAlchemy 2.0, where the rows of a Select are tuples.
    ordered: Any = query.order_by(*order)
    rows = select_page(db, ordered, per_page=size, page=marker)

    paging = rows.paging
    before = paging.previous if rows and paging.has_previous else None
    after = paging.next if rows and paging.has_next else None
    newer, older = (after, before) if earliest_first else (before, after)
    return Page([row[0] for row in rows], _cursor("n", newer), _cursor("o", older))


def _cursor(direction: str, marker: Marker | None) -> str | None:
    """The marker as addresses carry it: `o_2026-07-20_12`, everything older than that row."""
    if marker is None or marker.place is None:
        return None
    key, row_id = marker.place
    return f"{direction}_{key}_{row_id}"


def _marker(cursor: str | None, key_type: TypeEngine[Any], *, earliest_first: bool) -> Marker:
    """The place that a cursor names; one that was tampered with names the first page."""
    # Not sqlakeyset's own bookmarks: they name the type of each value themselves, so that a
    # tampered one would hand the database text where it compares dates.
    try:
        direction, rest = (cursor or "").replace("\0", "").split("_", 1)
        key, row_id = rest.rsplit("_", 1)
        place = (_key(key, key_type), int(row_id))
    except (ValueError, OverflowError):  # the latter at the ends of the calendar
        return Marker(None)

    if abs(place[1]) > LARGEST_ID:
        return Marker(None)
    return Marker(place, backwards=(direction == "n") is not earliest_first)


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
