"""One log line for each request, and one for each that fails: by route, never by address.

An address may hold a user name or what somebody searches for; so the log has the pattern.
"""

from types import TracebackType
from typing import Any, TypeAlias

from flask import Flask, g, request
from werkzeug.wrappers import Response

from crm.base import clock
from crm.base.logs import structlog

ExcInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)

UNKNOWN = "-"  # the route of an address that leads nowhere
QUIET = frozenset({"health.lives", "health.is_ready", "metrics.show"})  # asked every few seconds

log = structlog.get_logger()


def route() -> str:
    """The pattern of the address of this request."""
    return request.url_rule.rule if request.url_rule else UNKNOWN


def _begin() -> None:
    g.began = clock.monotonic()


def _finish(response: Response) -> Response:
    if request.endpoint not in QUIET:
        log.info(
            "request",
            method=request.method,
            route=route(),
            status=response.status_code,
            milliseconds=round(seconds() * 1000),
        )
    return response


def seconds() -> float:
    """How long this request has taken."""
    now = clock.monotonic()
    began: float = g.get("began", now)
    return now - began


def _log_failure(exc_info: ExcInfo | Any) -> None:
    log.error("request.failed", method=request.method, route=route(), exc_info=exc_info)


def init_app(app: Flask) -> None:
    """Log requests; Flask's own line of a failure names the address."""
    app.before_request(_begin)
    app.after_request(_finish)
    app.log_exception = _log_failure  # type: ignore[method-assign]
