"""One moment and, for changes, one transaction per request."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

from flask import Flask, current_app, g, request, session
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.audit import come_from
from crm.base.db import begin_to_write
from crm.base.db_faults import first_line
from crm.base.replica import NEVER_REACHED, position
from crm.extensions import db
from crm.transactions import apply_pending

REPLICA = "replica"  # the name of its engine
WRITTEN = "written"  # in the cookie: the position of this browser's last change
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# These hash a password or check a token first, and take the write lock afterwards.
BEGIN_LATER = frozenset(
    {"auth.sign_in", "me.set_password", "my_settings.stop", "people.give_password"}
)


def moment() -> datetime:
    """The moment of this request."""
    if "moment" not in g:
        g.moment = clock.now()
    return g.moment  # type: ignore[no-any-return]


def today() -> date:
    """The civil date of this request."""
    return clock.civil_date(moment())


@contextmanager
def transaction() -> Iterator[Session]:
    """The request's session: what was changed is committed at the end, or nothing is."""
    try:
        yield db.session
        apply_pending(db.session)
    except BaseException:
        # a worker that is stopped meanwhile must not leave a lock behind
        undo()
        raise
    db.session.commit()
    _note_position()


def _note_position() -> None:
    """Remember in the cookie how far a replica must be to show what was just committed."""
    if REPLICA not in db.engines:
        return
    try:
        session[WRITTEN] = position(db.session)
    except DBAPIError as error:  # it is committed; until the next change the primary is read
        current_app.logger.warning("position not known: %s", first_line(error))
        session[WRITTEN] = NEVER_REACHED


@contextmanager
def trial() -> Iterator[Session]:
    """The request's session for a look at what a change would do: nothing of it is kept."""
    try:
        yield db.session
    finally:
        undo()


def undo() -> None:
    """Roll back the request's changes."""
    db.session.rollback()
    for read in ("_login_user", "viewer"):  # cached objects no longer belong to the session
        g.pop(read, None)


def release() -> None:
    """End a reading transaction; loaded objects stay usable, detached from the session."""
    db.session.expunge_all()
    undo()


def _begin() -> None:
    come_from(request.remote_addr)
    if request.method not in CHANGING or request.endpoint is None:
        return
    request.get_data(parse_form_data=True)  # read a slow body before any lock is taken
    if "_user_id" in session and request.endpoint not in BEGIN_LATER:
        begin_to_write(db.session)


def init_app(app: Flask) -> None:
    """Begin requests that change something with the write lock; note their address.

    The body is read before. Requests without a session take no lock: they end at the sign-in page.
    """
    app.before_request(_begin)
    app.teardown_request(lambda _error: come_from(None))
