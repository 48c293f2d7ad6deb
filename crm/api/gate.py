"""Who calls: bearer tokens, and how often each may ask. Cookies open nothing here.

A token is looked up before anything is counted: its own requests count for it alone, and only what
names no token counts for its address. So nobody can use up what an owner may ask.
"""

from datetime import datetime
from http import HTTPStatus

from flask import current_app, request
from sqlalchemy.orm import Session

from crm.api.operations import Operation
from crm.api.problems import Problem
from crm.base.clock import civil_date
from crm.base.db import writing
from crm.base.rate_counts import count_up
from crm.extensions import db
from crm.people.api_tokens import USED_EVERY, find_token, note_use
from crm.people.login_attempts import network_of
from crm.people.models import ApiToken
from crm.people.permissions import Viewer, viewer
from crm.people.rules import scopes_open
from crm.requests.transaction import moment
from crm.settings import Settings

MINUTE = 60
FAILURES = 60  # a minute, from one address
SCHEME = "bearer "


def admit() -> dict[str, str]:
    """Count the request for its token; the headers that tell what is left.

    Raises a `Problem` of 401 or 429.
    """
    if not (sent := _token()):
        raise _unauthorized()  # nothing is guessed, and so nothing is counted
    with db.sessionmaker() as own:
        found = find_token(own, sent, now=moment())
    if found is None:
        raise _unknown()
    return _count(found.token)


def caller(session: Session, operation: Operation) -> Viewer:
    """The token's person, read in the session of the call; raises a `Problem` of 401 or 403."""
    found = find_token(session, _token(), now=moment())
    if found is None:
        raise _unauthorized()
    token = found.token
    # as on pages, which let the person do nothing else before
    if found.must_change_password(moment()):
        is_temporary = token.person.is_password_temporary
        raise Problem(
            HTTPStatus.FORBIDDEN, "password_temporary" if is_temporary else "password_expired"
        )
    if found.lacks_second_factor:
        raise Problem(HTTPStatus.FORBIDDEN, "second_factor_missing")
    if not scopes_open(operation.scope, token.granted):
        facts = {"scope": operation.scope.label}
        raise Problem(HTTPStatus.FORBIDDEN, "scope", facts, members={"scope": operation.scope})
    if token.person.role not in operation.roles:
        raise Problem(HTTPStatus.FORBIDDEN, "role")
    return viewer(session, token.person, civil_date(moment()))


def _token() -> str:
    header = request.headers.get("Authorization", "")
    is_bearer = header[: len(SCHEME)].lower() == SCHEME
    return header[len(SCHEME) :].strip() if is_bearer else ""


def _count(token: ApiToken) -> dict[str, str]:
    """Count in a short transaction of its own, and note the use of the token in it."""
    now = moment()
    with writing(db.sessionmaker) as own:
        count, left = _count_minute(own, f"api:{token.id}", now)
        if token.used_at is None or now - token.used_at > USED_EVERY:
            note_use(own, token.id, now=now)

    settings: Settings = current_app.config["SETTINGS"]
    limit = settings.api_per_minute
    headers = {
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(max(limit - count, 0)),
        "RateLimit-Reset": str(left),
    }
    if count > limit:
        raise _too_many("too_many_requests", headers, left)
    return headers


def _unknown() -> Problem:
    with writing(db.sessionmaker) as own:
        address = network_of(request.remote_addr or "")
        count, left = _count_minute(own, f"api-failed:{address}", moment())
    if count > FAILURES:
        return _too_many("too_many_failures", {}, left)
    return _unauthorized()


def _count_minute(own: Session, key: str, now: datetime) -> tuple[int, int]:
    """How many this minute with this one, and how many seconds are left of it."""
    minute, second = divmod(int(now.timestamp()), MINUTE)
    count = count_up(own, f"{key}:{minute}", seconds=MINUTE, now=now)
    return count, MINUTE - second


def _unauthorized() -> Problem:
    challenge = 'Bearer realm="crm"'
    if "Authorization" in request.headers:
        challenge += ', error="invalid_token"'
    headers = {"WWW-Authenticate": challenge}
    return Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", headers=headers)


def _too_many(code: str, headers: dict[str, str], left: int) -> Problem:
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS, code, headers={**headers, "Retry-After": str(left)}
    )
