"""The feed of a person's calendar: by its token alone, for programs that cannot sign in."""

from flask import Response, abort, request
from flask.typing import ResponseReturnValue

from crm.base.periods import DAY
from crm.extensions import db, limiter
from crm.people.calendar_feeds import feed_of
from crm.people.permissions import viewer
from crm.people.queries import absences_in
from crm.visits.calendar import visits_between
from crm.visits.feed import absence_events, as_file, visit_events
from crm.web.site import site
from crm.web.transaction import moment, today

BEFORE, AHEAD = 31 * DAY, 92 * DAY


def _limit_key() -> str:
    """The rate limit counts by address and by the person whose calendar the token opens."""
    token = (request.view_args or {}).get("token", "")
    found = feed_of(db.session, token, now=moment())
    return f"{request.remote_addr}:{found.person_id if found else ''}"


@limiter.limit("60 per hour", key_func=_limit_key)
def feed(token: str) -> ResponseReturnValue:
    """The owner's visits and absences, a month back and three ahead."""
    found = feed_of(db.session, token, now=moment()) or abort(404)
    owner, first, last = found.person, today() - BEFORE, today() + AHEAD
    me = viewer(db.session, owner, today())
    visits = visits_between(db.session, me, [owner.id], first, last, today())
    events = [
        *visit_events(visits, site().base_url),
        *absence_events(absences_in(db.session, owner.id, first, last), moment()),
    ]
    answer = Response(as_file(events, f"全员招商 {owner.name}"), mimetype="text/calendar")
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
