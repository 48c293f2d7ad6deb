"""Cursors: the place in a list, signed, so that nobody makes one or takes it to another list."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer
from pydantic import BaseModel

from crm.api.call import Call
from crm.api.models import Item, Listed, Listing
from crm.base.errors import Refused
from crm.base.paging import Page

Row = TypeVar("Row")
APART = {"limit", "cursor"}


def place_of(call: Call, query: Listed) -> str | None:
    """The place that the cursor names, as queries of lists take it; refused as `bad_cursor`."""
    if query.cursor is None:
        return None
    try:
        list_of, place = _signer().loads(query.cursor)
    except (BadSignature, ValueError, TypeError):
        raise Refused("bad_cursor", field="cursor") from None
    if list_of != _list_of(call, query):
        raise Refused("bad_cursor", field="cursor")
    return str(place)


def listing(
    call: Call,
    query: Listed,
    page: Page[Row],
    show: Callable[[Sequence[Row]], list[Item]],
    *,
    earliest_first: bool = False,
) -> Listing[Item]:
    """The page as it is answered, with the cursor of the next one."""
    place = page.newer if earliest_first else page.older
    following = place and _signer().dumps([_list_of(call, query), place])
    return Listing(items=show(page.items), next=following)


def _list_of(call: Call, query: BaseModel) -> str:
    """The list of whose place a cursor tells: what is asked for, and by whom."""
    asked = query.model_dump_json(exclude=APART, exclude_defaults=True)
    return f"{call.operation.name}:{call.person.id}:{asked}"


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="api-cursor")
