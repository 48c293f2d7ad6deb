"""Begins the requests of pages; what they share with the API is in `crm.requests.transaction`."""

from flask import Flask, current_app, request, session
from flask_login import current_user
from sqlalchemy.exc import DBAPIError

from crm.base.audit import come_from
from crm.base.db_faults import first_line
from crm.base.locks import read_first
from crm.base.replica import NEVER_REACHED, position
from crm.extensions import db
from crm.requests.transaction import CHANGING as CHANGING
from crm.requests.transaction import Outdated as Outdated
from crm.requests.transaction import after_commit as after_commit
from crm.requests.transaction import before_commit as before_commit
from crm.requests.transaction import forget_reads as forget_reads
from crm.requests.transaction import is_outdated as is_outdated
from crm.requests.transaction import moment as moment
from crm.requests.transaction import note_reads as note_reads
from crm.requests.transaction import only_matters as only_matters
from crm.requests.transaction import release as release
from crm.requests.transaction import today as today
from crm.requests.transaction import transaction as transaction
from crm.requests.transaction import trial as trial
from crm.requests.transaction import undo as undo
from crm.requests.turns import take_turn

REPLICA = "replica"  # the name of its engine
WRITTEN = "written"  # in the cookie: the position of this browser's last change
# These hash a password, check a token or ask another server first, and take the write lock
# afterwards.
BEGIN_LATER = frozenset(
    {
        "auth.sign_in",
        "channels.test",
        "me.set_password",
        "second_step.check",
        "second_step.recover",
        "two_step.prove",
        "my_settings.stop",
        "people.give_password",
        "people.give_first_passwords",
    }
)


def is_api() -> bool:
    """Whether a program asks: no cookie is read, and `crm.api` begins its transactions."""
    return request.blueprint == "api"


def _note_position() -> None:
    """Remember in the cookie how far a replica must be to show what was just committed."""
    if REPLICA not in db.engines:
        return
    try:
        session[WRITTEN] = position(db.session)
    except DBAPIError as error:  # it is committed; until the next change the primary is read
        undo()
        current_app.logger.warning("position not known: %s", first_line(error))
        session[WRITTEN] = NEVER_REACHED


def _begin() -> None:
    come_from(request.remote_addr)
    if is_api():
        return
    after_commit(_note_position)
    if request.method not in CHANGING or request.endpoint is None:
        return
    request.get_data(parse_form_data=True)  # read a slow body before any lock is taken
    if "_user_id" in session and request.endpoint not in BEGIN_LATER:
        take_turn()
        read_first(db.session)
        if current_user:  # read with the end of the trail, in one statement
            note_reads()


def init_app(app: Flask) -> None:
    """Begin requests that change something once their body is read; note their address."""
    app.before_request(_begin)
    app.teardown_request(lambda _error: come_from(None))
