"""An id for each request: in its log lines, in the answer, and on error pages, to be named."""

import re
from secrets import token_hex

from flask import Flask, g, request
from werkzeug.wrappers import Response

from crm.base.logs import structlog
from crm.settings import Settings

HEADER = "X-Request-ID"
_USABLE = re.compile(r"[A-Za-z0-9._-]{8,64}")


def request_id() -> str:
    """The id of the current request; empty before it has one."""
    return str(g.get("request_id", ""))


def init_app(app: Flask) -> None:
    """Give each request an id before anything else is done."""
    settings: Settings = app.config["SETTINGS"]

    def begin() -> None:
        # whoever speaks to us directly could choose the id of another's request
        given = request.headers.get(HEADER, "") if settings.proxies else ""
        g.request_id = given if _USABLE.fullmatch(given) else token_hex(8)
        # a thread that answers requests one after the other keeps what was bound
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    def finish(response: Response) -> Response:
        if found := request_id():
            response.headers[HEADER] = found
        return response

    app.before_request(begin)
    app.after_request(finish)
    app.context_processor(lambda: {"request_id": request_id()})
