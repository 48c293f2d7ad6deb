"""The cookie of a browser at which people have signed in: it gives them tries of their own."""

import secrets

from flask import after_this_request, current_app, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.wrappers import Response

COOKIE = "known_browser"
LIFE_SECONDS = 180 * 86_400
MOST_PEOPLE = 12  # who share one browser; whoever signed in longest ago is forgotten first


def browser_known_to(person_id: int) -> str | None:
    """The browser's own number, where that person has signed in at it before."""
    number, people = _read()
    return number if person_id in people else None


def remember_browser(person_id: int) -> None:
    """Let the answer's cookie say that the person has signed in here."""
    number, people = _read()
    kept = [person_id, *(each for each in people if each != person_id)][:MOST_PEOPLE]
    value = _signer().dumps([number, kept])

    @after_this_request
    def _keep(response: Response) -> Response:
        response.set_cookie(
            COOKIE,
            value,
            max_age=LIFE_SECONDS,
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
        return secrets.token_urlsafe(12), []
    return number, people


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="known-browser")
