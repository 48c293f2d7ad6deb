"""Answers the calls of operations: who calls, what is sent, one transaction, one answer."""

import io
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from flask import Response, current_app, g, request, send_file
from pydantic import BaseModel, TypeAdapter, ValidationError

from crm.api import gate, repeats
from crm.api.call import Call, NotFound, OutOfSight, body_of, etag_of, same_state
from crm.api.models import Listing
from crm.api.operations import MATCHED, Download, Operation, SentFile
from crm.api.problems import Problem, Words, of_validation
from crm.base.clock import civil_date
from crm.base.db import begin_to_write
from crm.base.errors import Refused
from crm.base.locks import read_first
from crm.extensions import db
from crm.files.checks import LARGEST
from crm.requests.run_again import run_until_current
from crm.requests.transaction import CHANGING, moment, note_reads, transaction, undo
from crm.requests.turns import take_turn
from crm.settings import Settings

JSON = "application/json"
BYTES = "application/octet-stream"
LARGEST_FILE = LARGEST + 1024  # a little more is refused in words


def view_of(operation: Operation, words: Words) -> Callable[..., Response]:
    """The view of an operation's route."""

    def view(**in_path: Any) -> Response:
        g.api_names = getattr(operation.body, "NAMES", {})
        if operation.takes_file:
            request.max_content_length = LARGEST_FILE
        if not operation.is_download:
            _require_acceptable()
        headers = gate.admit()
        try:
            answer = _answer(operation, words, in_path)
        except Problem as problem:
            problem.headers = {**headers, **problem.headers}
            raise
        answer.headers.update(headers)
        if answer.status_code == HTTPStatus.NO_CONTENT:
            del answer.headers["Content-Type"]
        return answer

    return view


def _answer(operation: Operation, words: Words, in_path: Mapping[str, Any]) -> Response:
    # whoever may not call learns nothing of what they sent
    if operation.method not in CHANGING:
        call = _call(operation)
        return _read(call, {**_in_path(operation, in_path), **_arguments(operation, words)})

    request.get_data()  # a slow body is read before any lock is taken
    gate.caller(db.session, operation)
    undo()
    given = {**_in_path(operation, in_path), **_arguments(operation, words)}
    key = repeats.required_key() if operation.method == "POST" else None
    if operation.method in MATCHED and "If-Match" not in request.headers:
        raise Problem(HTTPStatus.PRECONDITION_REQUIRED, "match_missing")

    take_turn()
    read_first(db.session)
    note_reads()
    return run_until_current(lambda: _change(_call(operation), given, key), _begin_again)


def _call(operation: Operation) -> Call:
    viewer, now = gate.caller(db.session, operation), moment()
    own: Settings = current_app.config["SETTINGS"]
    header = request.headers.get("If-Match")
    return Call(db.session, operation, viewer, now, civil_date(now), own.site, header)


def _begin_again() -> None:
    """Begin the transaction anew, with SQLite's write lock, and a moment of its own."""
    undo()
    begin_to_write(db.session)
    g.pop("moment", None)  # changes are made in the order of their moments
    note_reads()


def _read(call: Call, given: Mapping[str, Any]) -> Response:
    shown = call.operation.handler(call, **given)
    answer = _download(shown) if isinstance(shown, Download) else _response(shown)
    if isinstance(shown, Listing) and shown.next:
        arguments = {**request.args.to_dict(), "cursor": shown.next}
        address = f"{call.site.base_url}{request.path}?{urlencode(arguments)}"
        answer.headers["Link"] = f'<{address}>; rel="next"'
    if same_state(request.headers.get("If-None-Match", ""), answer.headers["ETag"]):
        answer.status_code = HTTPStatus.NOT_MODIFIED
        answer.set_data(b"")
    return answer


def _change(call: Call, given: Mapping[str, Any], key: str | None) -> Response:
    if key and (again := _again(call, given, key)):
        return again
    try:
        with transaction() as session:
            shown = _changed(call, given)
            answer = _answered(call.operation, shown)
            if call.operation.method in MATCHED and not call.is_matched:
                raise RuntimeError(call.operation.name)
            session.flush()
            if key:
                repeats.keep(call, key, shown, answer.status_code)
    except (Refused, Problem):
        # sent twice at once: what refuses this one may be the first, saved since
        if key and (again := _again(_call(call.operation), given, key)):
            return again
        raise
    return answer


def _again(call: Call, given: Mapping[str, Any], key: str) -> Response | None:
    """The answer to what was done under the key before."""
    if (known := repeats.is_answered(call, key)) is None:
        return None
    answer = _answered(call.operation, repeats.shown_again(call, known, given))
    answer.headers[repeats.REPLAYED] = "true"
    return answer


def _changed(call: Call, given: Mapping[str, Any]) -> BaseModel | None:
    """What the change answers; `None` where its record is nothing that the caller may read."""
    try:
        shown: BaseModel = call.operation.handler(call, **given)
    except OutOfSight:
        return None  # the change holds, as on pages
    return shown


def _answered(operation: Operation, shown: BaseModel | None) -> Response:
    if shown is None:
        return Response(status=HTTPStatus.NO_CONTENT)
    if not operation.creates:
        return _response(shown)
    answer = _response(shown, HTTPStatus.CREATED)
    if (row_id := getattr(shown, "id", None)) is not None:
        place = f"/api/v1{operation.place}" if operation.place else request.path
        settings: Settings = current_app.config["SETTINGS"]
        answer.headers["Location"] = f"{settings.site.base_url}{place}/{row_id}"
    return answer


def _response(shown: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> Response:
    body = body_of(shown)
    return Response(body, status, {"ETag": etag_of(body)}, mimetype=JSON)


def _download(file: Download) -> Response:
    answer = send_file(
        io.BytesIO(file.content),
        mimetype=file.media_type,
        as_attachment=True,
        download_name=file.name,
        etag=False,
        conditional=False,
    )
    answer.headers["ETag"] = f'"{file.digest}"'
    # a browser that opens it after all loads and runs nothing
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def _require_acceptable() -> None:
    accepted = request.accept_mimetypes
    if accepted and not (accepted[JSON] or accepted["application/problem+json"]):
        raise Problem(HTTPStatus.NOT_ACCEPTABLE, "not_acceptable")


def _in_path(operation: Operation, sent: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of the path by their types; nothing has a name that is of another type."""
    try:
        return {
            name: TypeAdapter(operation.in_path[name]).validate_strings(text)
            for name, text in sent.items()
        }
    except ValidationError:
        raise NotFound from None


def _arguments(operation: Operation, words: Words) -> dict[str, BaseModel | SentFile]:
    """The query and the body as their models; a `Problem` where they are not."""
    given: dict[str, BaseModel | SentFile] = {}
    if operation.query:
        given["query"] = _query(operation.query, words)
    elif request.args:
        name = next(iter(request.args))
        error = {"parameter": name, "code": "extra_forbidden", "detail": f"没有名为“{name}”的项。"}
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", errors=(error,))
    if operation.body:
        given["body"] = _body(operation.body, words)
    if operation.takes_file:
        given["file"] = _file()
    return given


def _query(model: type[BaseModel], words: Words) -> BaseModel:
    sent = dict(request.args.items())
    for name, values in request.args.lists():
        if len(values) > 1:
            error = {"parameter": name, "code": "repeated", "detail": "此项只能写一次。"}
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", errors=(error,))
    try:
        return model.model_validate_strings(sent)
    except ValidationError as error:
        raise of_validation(error, words, is_query=True) from None


def _file() -> SentFile:
    if request.mimetype != BYTES:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "file_type", headers={"Accept": BYTES})
    return SentFile(request.get_data())


def _body(model: type[BaseModel], words: Words) -> BaseModel:
    if request.mimetype != JSON:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media_type", headers={"Accept": JSON})
    try:
        body = model.model_validate_json(request.get_data())
    except ValidationError as error:
        if any(found["type"] == "json_invalid" for found in error.errors()):
            raise Problem(HTTPStatus.BAD_REQUEST, "bad_json") from None
        raise of_validation(error, words, is_query=False) from None
    # one reader takes the first of two, another the last
    json.loads(request.get_data(), object_pairs_hook=_once, parse_int=str, parse_float=str)
    return body


def _once(pairs: list[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise Problem(HTTPStatus.BAD_REQUEST, "repeated_key")
