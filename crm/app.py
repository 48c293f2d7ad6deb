"""The application factory."""

from pathlib import Path

from flask import Flask
from flask_wtf import FlaskForm
from werkzeug.middleware.proxy_fix import ProxyFix
from whitenoise import WhiteNoise

from crm import web
from crm.api import routes as api
from crm.base import clock, mail
from crm.base.db import engine_options
from crm.base.shipped import MIGRATIONS, TEMPLATES
from crm.extensions import csrf, db, limiter, login_manager
from crm.leads import search_index
from crm.requests import turns
from crm.settings import Settings
from crm.visits import search_index as visit_index
from crm.web.errors import refusal_text

STATIC = Path(__file__).parent / "static"


def create_app(settings: Settings) -> Flask:
    """Create the application; it starts no thread (`crm serve` and `crm clock` do)."""
    app = Flask(__name__, template_folder=str(TEMPLATES))

    clock.use_zone(settings.timezone)
    FlaskForm.Meta.locales = [settings.locale, "zh"]  # once per process, like the time zone
    mail.use_site(settings.site)

    app.config.from_mapping(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_ENGINES={name: engine_options(url) for name, url in settings.urls.items()},
        ALEMBIC={"script_location": str(MIGRATIONS)},
        ALEMBIC_CONTEXT={
            "render_as_batch": True,
            "compare_type": True,
            "include_name": _is_compared,
        },
        MAX_CONTENT_LENGTH=2 * 1024 * 1024,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.base_url.startswith("https://"),
        WTF_I18N_ENABLED=False,  # WTForms finds its messages in the locales above
        WTF_CSRF_TIME_LIMIT=None,  # a form stays valid as long as its session
        SETTINGS=settings,
    )

    db.init_app(app)
    csrf.init_app(app)
    limiter.init_app(app)
    login_manager.init_app(app)
    turns.init_app(app)
    web.init_app(app)
    api.init_app(app, refusal_text)  # both edges refuse in the same words

    if n := settings.proxies:  # without a trusted proxy a client could forge its address
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n)  # type: ignore[method-assign]

    # Outermost: a file needs neither a session nor a database.
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app,
        root=STATIC,
        prefix="static/",
        immutable_file_test=r"\.[0-9a-f]{8}\.",  # names carry a hash of what they hold
    )

    return app


def _is_compared(name: str | None, kind: str, _parents: object) -> bool:
    """Whether migrations compare it with the models: search indexes have none."""
    indexes = (*search_index.NAMES, *visit_index.NAMES)
    return kind != "table" or not str(name).startswith(indexes)
