"""Runs views under the check of what they have read."""

from flask import Flask

from crm.requests.run_again import run_until_current
from crm.web.access_check import begin_write_late


def init_app(app: Flask) -> None:
    """Run views until what they have read is current; the API's run by themselves."""
    dispatch = app.dispatch_request
    app.dispatch_request = lambda: run_until_current(  # type: ignore[method-assign]
        dispatch, begin_write_late
    )
