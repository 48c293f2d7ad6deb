"""Every error under `/api` is answered as a problem, whatever raised it."""

from collections.abc import Callable
from http import HTTPStatus

from flask import Flask, Response, current_app, g, request
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from crm.api.call import NotFound, Stale
from crm.api.problems import Problem, Words, of_refusal
from crm.base.db import is_conflict
from crm.base.db_faults import Fault, fault_of, first_line
from crm.base.errors import Refused
from crm.requests.transaction import Outdated, undo

PREFIX = "/api/"
RETRY_SECONDS = 10
_CODES = {
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
}


def init_app(app: Flask, words: Words) -> None:
    """Take over errors of the API's addresses, also those that reach no operation."""
    otherwise: Callable[[Exception], object] = app.handle_user_exception

    def handle(error: Exception) -> object:
        if not request.path.startswith(PREFIX):
            return otherwise(error)
        return _problem_of(error, words).response()

    app.handle_user_exception = handle  # type: ignore[method-assign,assignment]
    unforeseen: Callable[[Exception], Response] = app.handle_exception

    def handle_unforeseen(error: Exception) -> Response:
        answer = unforeseen(error)  # logs it
        if not request.path.startswith(PREFIX):
            return answer
        return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "broken").response()

    app.handle_exception = handle_unforeseen  # type: ignore[method-assign,assignment]


def _problem_of(error: Exception, words: Words) -> Problem:
    match error:
        case Problem():
            problem = error
        case Refused():
            is_query = request.method == "GET"
            problem = of_refusal(error, words, g.get("api_names", {}), is_query=is_query)
        case NotFound():
            problem = Problem(HTTPStatus.NOT_FOUND, "not_found")
        case Stale():
            problem = Problem(HTTPStatus.PRECONDITION_FAILED, "stale")
        case HTTPException():
            problem = _of_http(error)
        case Outdated() | StaleDataError():
            problem = Problem(HTTPStatus.CONFLICT, "conflict")
        case DBAPIError():
            problem = _of_database(error)
        case _:
            raise error
    undo()
    return problem


def _of_http(error: HTTPException) -> Problem:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if isinstance(error, RequestRedirect):  # the router would mend slashes
        status = HTTPStatus.NOT_FOUND
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    return Problem(status, _CODES.get(status, "bad_request"), headers=headers)


def _of_database(error: DBAPIError) -> Problem:
    if isinstance(error, IntegrityError) and is_conflict(error):
        return Problem(HTTPStatus.CONFLICT, "conflict")
    fault = fault_of(error)
    if fault is Fault.BROKEN and not isinstance(error, OperationalError):
        raise error
    current_app.logger.error("database %s: %s", fault.value, first_line(error))
    headers = {"Retry-After": str(RETRY_SECONDS)}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unusable", headers=headers)
