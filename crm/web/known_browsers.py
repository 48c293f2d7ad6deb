"""A cookie that marks a known browser, so that its login attempts are counted apart."""

import secrets

from flask import after_this_request, current_app, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.wrappers import Response

COOKIE = "known_browser"
LIFE_SECONDS = 180 * 86_400
MOST_PEOPLE = 12  # people remembered per browser; the oldest sign-in is dropped first


def browser_known_to(person_id: int) -> str | None:
    """The browser's id, if the person has signed in there before."""
    number, people = _read()
    return number if person_id in people else None


def remember_browser(person_id: int) -> None:
    """Add the person to the browser's cookie."""
    number, people = _read()
    kept = [person_id, *(other for other in people if other != person_id)][:MOST_PEOPLE]
    value = _signer().dumps([number, kept])

    @after_this_request
    def _keep(response: Response) -> Response:
        response.set_cookie(
            COOKIE,
            value,
            max_age=LIFE_SECONDS,
            # no other page needs it
            path="/login",
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Lax",
        )
        return response


def _read() -> tuple[str, list[int]]:
    try:
        number, people = _signer().loads(request.cookies.get(COOKIE, ""), max_age=LIFE_SECONDS)
    except BadSignature:
        # none, too old or forged: it is a new browser
        return secrets.token_urlsafe(12), []
    return number, people


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="known-browser")
