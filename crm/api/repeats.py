"""`Idempotency-Key`: a POST that is sent again changes nothing, and is answered as at first.

That it was done is kept with the change, in one transaction: however a process ends, both are
there or neither. What it made is read anew for each repeat: the caller may have lost sight of it
since. Keys are the person's, whichever token sends them.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from flask import request
from pydantic import BaseModel

from crm.api.call import Call, NotFound
from crm.api.openapi import all_operations
from crm.api.operations import Operation
from crm.api.problems import Problem
from crm.base.answered_requests import AnsweredRequest, find_answered, forget_old

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_PREFIX = "api:"  # apart from the keys of pages
_CLEANED = 256  # of so many answers, one forgets the old ones


def required_key() -> str:
    """The key of the request; a `Problem` of 400 where it has none."""
    key = request.headers.get(HEADER, "").strip()
    if not _KEY.fullmatch(key):
        raise Problem(HTTPStatus.BAD_REQUEST, "key_missing")
    return _PREFIX + key


def is_answered(call: Call, key: str) -> AnsweredRequest | None:
    """What was done under the key; a `Problem` of 422 where it was something else."""
    known = find_answered(call.db, call.person.id, key)
    if known and known.content != _content():
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "key_reused")
    return known


def shown_again(call: Call, known: AnsweredRequest, given: Mapping[str, Any]) -> BaseModel | None:
    """What the first answer showed, as the caller may read it now; `None` where they may not."""
    operation, shown = call.operation, None
    if not operation.saves:
        shown = operation.handler(call, **given)
    elif known.status != HTTPStatus.NO_CONTENT:
        kept, reader = json.loads(known.answer or "{}"), reader_of(operation)
        if reader is None:
            shown = operation.returns.model_validate(kept)
        elif call.person.role in reader.roles:
            shown = _read_anew(call, reader, kept["id"], given)
    return shown


def _read_anew(
    call: Call, reader: Operation, row_id: int, given: Mapping[str, Any]
) -> BaseModel | None:
    try:
        if not call.operation.takes_file:
            [name] = reader.in_path
            return reader.handler(call, **{name: row_id})  # type: ignore[no-any-return]
        files = reader.handler(call, **{name: given[name] for name in reader.in_path})
    except NotFound:
        return None
    return next((one for one in files.items if one.id == row_id), None)


@cache
def reader_of(operation: Operation) -> Operation | None:
    """The operation that reads what this one answers; none where that is of no record."""
    reading = (one for _, one in all_operations() if one.method == "GET")
    if operation.takes_file:
        return next(one for one in reading if one.path == operation.path)
    return next((one for one in reading if one.returns is operation.returns), None)


def keep(call: Call, key: str, shown: BaseModel | None, status: int) -> None:
    """Keep in the transaction of the change that it is done; of a record its id alone."""
    kept = None
    if shown is not None and call.operation.saves:
        is_record = reader_of(call.operation) is not None
        kept = shown.model_dump_json(include={"id"} if is_record else None)
    call.db.add(
        AnsweredRequest(
            person_id=call.person.id,
            key=key,
            content=_content(),
            made_at=call.now,
            status=status,
            answer=kept,
        )
    )
    if int(sha256(key.encode()).hexdigest(), 16) % _CLEANED == 0:
        forget_old(call.db, call.now)


def _content() -> str:
    asked = repr((request.method, request.full_path)).encode() + request.get_data()
    return sha256(asked).hexdigest()
