"""`Idempotency-Key`: a POST that is sent again is answered as at first, and changes nothing.

The answer is kept with the change, in one transaction: however a process ends, both are there or
neither. Keys are the person's, whichever token sends them.
"""

import json
import re
from hashlib import sha256
from http import HTTPStatus

from flask import Response, request

from crm.api.call import Call
from crm.api.problems import Problem
from crm.base.answered_requests import AnsweredRequest, find_answered, forget_old

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEPT_HEADERS = ("Location", "ETag")
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_PREFIX = "api:"  # apart from the keys of pages
_CLEANED = 256  # of so many answers, one forgets the old ones


def required_key() -> str:
    """The key of the request; a `Problem` of 400 where it has none."""
    key = request.headers.get(HEADER, "").strip()
    if not _KEY.fullmatch(key):
        raise Problem(HTTPStatus.BAD_REQUEST, "key_missing")
    return _PREFIX + key


def first_answer(call: Call, key: str) -> Response | None:
    """The answer kept under the key; a `Problem` of 422 where it was to something else."""
    known = find_answered(call.db, call.person.id, key)
    if known is None:
        return None
    if known.content != _content():
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "key_reused")
    kept = json.loads(known.answer or "{}")
    headers = {**kept["headers"], REPLAYED: "true"}
    return Response(kept["body"], known.status, headers, mimetype="application/json")


def keep_answer(call: Call, key: str, answer: Response) -> None:
    """Keep the answer in the transaction of the change."""
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    kept = {"headers": headers, "body": answer.get_data(as_text=True)}
    content = _content()
    call.db.add(
        AnsweredRequest(
            person_id=call.person.id,
            key=key,
            content=content,
            made_at=call.now,
            status=answer.status_code,
            answer=json.dumps(kept, ensure_ascii=False),
        )
    )
    if int(sha256(key.encode()).hexdigest(), 16) % _CLEANED == 0:
        forget_old(call.db, call.now)


def _content() -> str:
    asked = repr((request.method, request.full_path)).encode() + request.get_data()
    return sha256(asked).hexdigest()
