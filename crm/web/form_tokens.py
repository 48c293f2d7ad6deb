"""The token of a page's forms: each page has one, and a session's is signed once."""

from functools import lru_cache

from flask import Flask, current_app, g, session
from flask_wtf import FlaskForm
from flask_wtf.csrf import generate_csrf
from itsdangerous import URLSafeTimedSerializer
from wtforms import Field

NAME = "csrf_token"  # Flask-WTF's, in the session and in the request
SALT = "wtf-csrf-token"  # Flask-WTF's, which checks the token
MOST = 2_000  # sessions


@lru_cache(maxsize=MOST)
def _signed(secret: str, raw: str) -> str:
    token = URLSafeTimedSerializer(secret, salt=SALT).dumps(raw)
    return token if isinstance(token, str) else token.decode()


def form_token() -> str:
    """The token of this request; as old as the process at most, for it lasts as the session."""
    if NAME not in g:
        raw = session.get(NAME)
        setattr(g, NAME, _signed(current_app.secret_key, raw) if raw else generate_csrf())
    token: str = g.get(NAME)
    return token


class _FormToken(FlaskForm.Meta.csrf_class):
    """The field of a form, which has this token, too, and is made for each form that is sent."""

    def generate_csrf_token(self, _field: Field) -> str:
        return form_token()


def init_app(app: Flask) -> None:
    """Let templates and forms write it."""
    app.jinja_env.globals[NAME] = form_token
    FlaskForm.Meta.csrf_class = _FormToken  # once per process
