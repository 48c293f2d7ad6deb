"""What a device says of when a form was typed: for show, and for the words 今天 and 昨天 in it.

Both times are of its own clock (`assets/saving.js`), so that how long a form has waited is right
even where the clock is wrong. When something was entered, and whether late, the server decides.
"""

from datetime import UTC, date, datetime, timedelta

from flask import Flask, request

from crm.base.audit import come_late
from crm.base.clock import civil_date
from crm.web.transaction import moment

TYPED, NOW = "X-Device-Typed", "X-Device-Now"  # milliseconds since 1970
LONGEST = timedelta(days=400)  # older than that is no waiting form
AT_ONCE = timedelta(minutes=5)


def waited() -> timedelta:
    """How long ago what was sent was typed; nothing where that is not said, or cannot be."""
    typed, now = request.headers.get(TYPED, type=int), request.headers.get(NOW, type=int)
    if typed is None or now is None or not 0 <= now - typed <= LONGEST / timedelta(milliseconds=1):
        return timedelta()
    return timedelta(milliseconds=now - typed)


def typed_at() -> datetime:
    """When it was typed, by the server's clock."""
    return moment() - waited()


def typed_on() -> date:
    """The civil date on which it was typed."""
    return civil_date(typed_at())


def device_time() -> datetime | None:
    """When a form that has waited was typed, as its device's clock showed it."""
    if waited() < AT_ONCE:
        return None
    try:
        return datetime.fromtimestamp(int(request.headers[TYPED]) / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def init_app(app: Flask) -> None:
    """Let the audit trail keep the device's time of what has waited."""
    app.before_request(lambda: come_late(device_time()))
    app.teardown_request(lambda _error: come_late(None))
