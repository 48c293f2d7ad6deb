"""Back links: to the page the person came from, if it is above the present one."""

from urllib.parse import urlsplit

from flask import Flask, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing.exceptions import RoutingException

# Depth of each page: lists, pages of records, pages they lead to, forms.
LISTS = {
    "myday.show",
    "mini.show",
    "visits.listing",
    "companies.listing",
    "leads.listing",
    "followups.listing",
    "compliance.board",
    "problems.listing",
    "claims.listing",
    "receipts.listing",
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
    "problems.figures": 0,
    "problems.show": 4,
    "claims.show": 1,
    "receipts.show": 4,
    "supervision.show": 1,
    "targets.show": 1,
    "companies.show": 2,
    "leads.show": 3,
    "mailbox.show": 1,
    "digests.show": 1,
    "absences.show": 1,
    "people.show": 1,
    "visits.show": 4,
    "followups.show": 4,
}
FORM = 5


def came_from() -> str | None:
    """Path and query of the referring page of this application; `None` for others."""
    try:
        referrer = urlsplit(request.referrer or "")
    except ValueError:  # malformed IPv6 brackets
        return None
    if referrer.netloc != request.host or referrer.path.startswith("//"):
        return None
    return f"{referrer.path}?{referrer.query}" if referrer.query else referrer.path


def way_back(default: str) -> str:
    """The referring page with its filters where it is above this one, else the default."""
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
