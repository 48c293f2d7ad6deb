"""Which records a page of a list has, remembered before its viewer until something changes.

Who may see a record rests on rows and on the date, as what is asked for does; so the ids hold
under the head of the audit trail, like what is shown of them.
"""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from flask import request

from crm.base.paging import Page
from crm.base.remembered import remembered
from crm.extensions import db
from crm.web.auth import signed_in
from crm.web.transaction import today

Value = TypeVar("Value")
LONGEST = 400  # characters of an address: what is searched for at length is remembered nowhere


def listed_ids(what: str, *asked: Hashable, read: Callable[[], Page[int]]) -> Page[int]:
    """The page that `read` gives; `asked`: all that it depends on but the viewer and the date."""

    # a plain tuple, which counts as large as it is
    def cursors_and_ids() -> tuple[Any, ...]:
        page = read()
        return page.newer, page.older, *page.items

    newer, older, *ids = of_list(what, *asked, read=cursors_and_ids)
    return Page(ids, newer, older)


def of_list(what: str, *asked: Hashable, read: Callable[[], Value]) -> Value:
    """What `read` says of the records of a list; `asked` as of `listed_ids`."""
    if len(request.query_string) > LONGEST:
        return read()
    return remembered(db.session, what, signed_in().id, today(), *asked, read=read)
