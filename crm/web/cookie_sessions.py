"""The signed cookie of a browser's session: what signs it is made once, not twice a request."""

from functools import cache

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer


class CookieSessions(SecureCookieSessionInterface):
    """Flask's own sessions; their serializer, which tries itself out when it is made, is kept."""

    def __init__(self) -> None:
        self._kept = cache(super().get_signing_serializer)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """The application's, whose keys are those it was created with."""
        return self._kept(app)


def init_app(app: Flask) -> None:
    app.session_interface = CookieSessions()
