"""The Flask extensions' objects; `create_app` ties them to an application."""

from inspect import iscoroutinefunction

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_sqlalchemy_lite import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import crm.base.audit_trail
import crm.base.outbox
import crm.bulk_changes.models
import crm.digests.models
import crm.files.models
import crm.followups.models
import crm.imports.models
import crm.jobs.models
import crm.leads.models
import crm.leads.own_field_models
import crm.leads.proposal_models
import crm.leads.view_models
import crm.mailing.models
import crm.people.models
import crm.people.sign_in_models
import crm.personal_data.models
import crm.problems.models
import crm.quotas.models
import crm.results.models
import crm.results.receipt_models
import crm.supervision.models
import crm.targets.models
import crm.visits.models  # noqa: F401 - migrations compare all tables
from crm.base.db_faults import first_line
from crm.base.logs import structlog
from crm.base.rate_counts import DatabaseStorage

log = structlog.get_logger()


class ClosableSession(Session):
    """A session that ends although its server is gone: what was made with it is answered."""

    def close(self) -> None:
        try:
            super().close()
        except DBAPIError as error:  # what was to be rolled back has gone with its connection
            log.warning("database.session_lost", error=first_line(error))


class Database(SQLAlchemy):
    """The application's engines and sessions, without asynchronous ones."""

    def init_app(self, app: Flask) -> None:  # type: ignore[override] # typed for its base class
        super().init_app(app)
        # there are no asynchronous sessions; to close none, Flask would start an event loop at the
        # end of every request, which takes as long as two queries
        functions = app.teardown_appcontext_funcs
        functions[:] = [function for function in functions if not iscoroutinefunction(function)]


class RouteLimiter(Limiter):
    """Limits of routes alone: their decorator counts."""

    def init_app(self, app: Flask) -> None:
        super().init_app(app)
        # the hook looks at every request for limits of all routes, of which there are none
        hooks = app.before_request_funcs[None]
        hooks[:] = [hook for hook in hooks if getattr(hook, "__self__", None) is not self]


db = Database(session_options={"class_": ClosableSession, "expire_on_commit": False})
csrf = CSRFProtect()
limiter = RouteLimiter(
    get_remote_address,
    storage_uri=f"{DatabaseStorage.STORAGE_SCHEME[0]}://",
    storage_options={"sessions": lambda: db.sessionmaker},  # type: ignore[dict-item]
    headers_enabled=False,
)
login_manager = LoginManager()
