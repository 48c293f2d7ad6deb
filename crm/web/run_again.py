"""Runs a request again whose reads were outdated at its commit, or that waited in a ring."""

from flask import Flask
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError, InvalidRequestError, OperationalError
from sqlalchemy.orm.exc import StaleDataError

from crm.base.db_faults import is_deadlock
from crm.web.access_check import begin_write_late
from crm.web.transaction import Outdated, is_outdated, undo

# Others have written the same, or removed what this request has read (the last, on reading anew).
OVERTAKEN = (IntegrityError, StaleDataError, InvalidRequestError)
MOST_RUNS = 3  # on SQLite the second is the last, as it holds the write lock


def init_app(app: Flask) -> None:
    """Run views under the check of what they have read."""
    dispatch = app.dispatch_request

    def run() -> ResponseReturnValue:
        for _ in range(MOST_RUNS - 1):
            try:
                return dispatch()
            except Outdated:
                begin_write_late()
            except OVERTAKEN:
                undo()
                if not is_outdated():
                    raise
                begin_write_late()
            except OperationalError as error:
                if not is_deadlock(error):
                    raise
                # two changes waited for each other, and PostgreSQL has rolled this one back
                begin_write_late()
        return dispatch()

    app.dispatch_request = run  # type: ignore[method-assign]
