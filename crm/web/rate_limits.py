"""How often a route answers one client; all processes share the counts."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import abort, request
from flask.typing import ResponseReturnValue

from crm.base.db import writing
from crm.base.rate_counts import count_up
from crm.extensions import db
from crm.web.transaction import moment

MINUTE, HOUR = 60, 3_600
P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]


def _address() -> str:
    return request.remote_addr or ""


def limited(
    most: int, *, seconds: int, client: Callable[[], str] = _address
) -> Callable[[View[P]], View[P]]:
    """Refuse a client that asks more often than that in so many seconds."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def counted(*args: P.args, **named: P.kwargs) -> ResponseReturnValue:
            key = f"route:{request.endpoint}:{client()}"
            with writing(db.sessionmaker) as own:
                count = count_up(own, key, seconds=seconds, now=moment())
            if count > most:
                abort(429)
            return view(*args, **named)

        return counted

    return decorate
