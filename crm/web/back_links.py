"""Where a page leads back to: to the page that one came from, where that stands above it."""

from urllib.parse import urlsplit

from flask import Flask, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing.exceptions import RoutingException

# What one goes through on the way down: lists, what they lead to, what that leads to, forms.
LISTS = {
    "myday.show",
    "visits.listing",
    "leads.listing",
    "followups.listing",
    "compliance.board",
    "supervision.listing",
    "targets.board",
    "digests.listing",
    "mailbox.listing",
    "absences.listing",
    "people.listing",
    "units.listing",
}
DEPTHS = {
    **dict.fromkeys(LISTS, 0),
    "compliance.figure": 2,
    "supervision.show": 1,
    "targets.show": 1,
    "leads.show": 3,
    "mailbox.show": 1,
    "absences.show": 1,
    "people.show": 1,
    "visits.show": 4,
    "followups.show": 4,
}
FORM = 5


def came_from() -> str | None:
    """The address of this application's page that sent the request, as far as the browser says."""
    try:
        told = urlsplit(request.referrer or "")
    except ValueError:  # brackets that hold no address
        return None
    if told.netloc != request.host or told.path.startswith("//"):
        return None
    return f"{told.path}?{told.query}" if told.query else told.path


def way_back(default: str) -> str:
    """The page one came from, where it stands above this one, with its filters; else the usual."""
    place = came_from()
    here = DEPTHS.get(request.endpoint or "", FORM)
    return place if place and _depth_of(place) < here else default


def _depth_of(address: str) -> int:
    try:
        endpoint, _ = current_app.create_url_adapter(request).match(  # type: ignore[union-attr]
            urlsplit(address).path, method="GET"
        )
    except (HTTPException, RoutingException):
        return FORM
    return DEPTHS.get(endpoint, FORM)


def init_app(app: Flask) -> None:
    """Give templates the global `way_back`."""
    app.jinja_env.globals["way_back"] = way_back
