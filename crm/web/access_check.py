"""Every request is checked against the access table, and again once it has to begin anew."""

from flask import Flask, abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.db import begin_to_write
from crm.base.locks import take_exclusive_lock
from crm.extensions import db
from crm.web.access import (
    ACCESS,
    CHECKED_FIRST,
    ONE_AT_A_TIME,
    PUBLIC,
    WITH_OLD_PASSWORD,
    WITHOUT_SECOND_FACTOR,
)
from crm.web.auth import me, open_session, redirect_to_login
from crm.web.transaction import (
    CHANGING,
    forget_reads,
    is_api,
    is_outdated,
    moment,
    note_reads,
    undo,
)

HOME = "myday.show"  # whoever has to do with neither records nor figures has another one


def _check() -> ResponseReturnValue | None:
    """Refuse requests that the table does not allow, with 404 rather than 403."""
    if request.endpoint is None or is_api():
        return None  # unknown path: the router answers 404; the API checks tokens by itself

    if "\0" in request.path:
        abort(404)  # PostgreSQL refuses NUL, so nothing has such a name

    if request.endpoint in PUBLIC:
        return None

    person = me()
    if person is None:
        return redirect_to_login()
    if (first := _must_first(request.endpoint)) is not None:
        return redirect(url_for(first))

    # a page that is missing from the table is open to nobody
    roles = ACCESS.get(request.endpoint, frozenset())
    if person.role not in roles:
        abort(404)

    is_change = request.method in CHANGING and request.endpoint not in CHECKED_FIRST
    if is_change and roles in ONE_AT_A_TIME:
        take_exclusive_lock(db.session)
        if is_outdated():
            # while this request waited the admin may have lost the role
            forget_reads()
            note_reads()
            return _check()

    return None


def _must_first(endpoint: str) -> str | None:
    """The page that the person opens before this one, or in its place; None where there is none."""
    opened = open_session()
    if opened is None:
        return None
    if opened.must_change_password(moment()):
        return None if endpoint in WITH_OLD_PASSWORD else "me.show"
    if opened.lacks_second_factor:
        return None if endpoint in WITHOUT_SECOND_FACTOR else "two_step.show"
    is_theirs = endpoint != HOME or opened.login.person.role in ACCESS[HOME]
    return None if is_theirs else "admin.show"


def begin_write_late() -> None:
    """Begin again, with the write lock; then check access again."""
    # what was read before may be stale: the account may have been closed meanwhile
    undo()
    begin_to_write(db.session)
    if request.endpoint in CHECKED_FIRST:
        take_exclusive_lock(db.session)  # on PostgreSQL, too: of many at once each has its turn
    g.pop("moment", None)  # changes are made in the order of their moments
    note_reads()
    if (answer := _check()) is not None:
        abort(answer)  # type: ignore[arg-type] # a response that ends the request


def init_app(app: Flask) -> None:
    """Check every request against the table."""
    app.before_request(_check)
