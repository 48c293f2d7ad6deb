"""Errors of the API as `application/problem+json` (RFC 9457), in the words of the pages."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeAlias

from flask import Response
from pydantic import ValidationError

from crm.base.errors import Refused

MEDIA_TYPE = "application/problem+json"
Words: TypeAlias = Callable[[Refused], str]

# what is no matter of a field, by its code
STATUSES = {
    "not_yours": HTTPStatus.FORBIDDEN,
    "duplicate_ref": HTTPStatus.CONFLICT,
    "files_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}
DETAILS = {
    "unauthorized": "请在 Authorization 头中提供有效的访问令牌。",
    "too_many_failures": "无效令牌的尝试过多，请稍后重试。",
    "too_many_requests": "请求过于频繁，请按 Retry-After 头的秒数稍后重试。",
    "scope": "该令牌没有“{scope}”权限。",
    "role": "您的权限不包括此项操作。",
    "password_temporary": "您正在使用临时密码，请先登录系统设置新密码。",
    "password_expired": "您的密码已到更换期限，请先登录系统设置新密码。",
    "second_factor_missing": "您的岗位须使用两步验证，请先登录系统，在“我的账号”设置。",
    "not_found": "未找到该记录，或不在您的权限范围内。",
    "method": "该地址不支持此方法。",
    "not_acceptable": "回答的格式只有 application/json。",
    "media_type": "请求内容应为 application/json。",
    "file_type": "请求内容应为 application/octet-stream，即文件本身。",
    "bad_json": "请求内容不是有效的 JSON。",
    "repeated_key": "同一个 JSON 对象中，同名的项只能写一次。",
    "too_large": "请求内容过大。",
    "bad_request": "无法处理该请求。",
    "invalid": "部分内容不符合要求，详见 errors。",
    "key_missing": "每个 POST 请求须有 Idempotency-Key 头：1 至 200 个可见的 ASCII 字符。",
    "key_reused": "该 Idempotency-Key 已用于另一内容的请求，请更换。",
    "match_missing": "请在 If-Match 头中写明所修改记录的 ETag。",
    "stale": "记录已有变动，请重新读取后再修改。",
    "conflict": "他人同时修改了相关内容，本次未保存，请重试。",
    "questions": "登记前需要确认，详见 questions；确认后在 answers 中写明各项的 token 再次提交。",
    "unusable": "数据库暂时无法使用，本次操作未保存，请稍后重试。",
    "broken": "系统出现异常，本次操作未保存，请稍后重试。",
}
# pydantic's own kinds of errors, by the words of the pages where they have them
_KINDS = {
    "missing": "请填写此项。",
    "extra_forbidden": "没有名为“{name}”的项。",
    "string_too_long": "最多 {max_length} 个字。",
    "too_long": "最多 {max_length} 项。",
    "string_too_short": "请填写此项。",
    "too_short": "请至少填写 {min_length} 项。",
    "enum": "应为以下之一：{expected}。",
    "literal_error": "应为以下之一：{expected}。",
    "greater_than_equal": "不能小于 {ge}。",
    "less_than_equal": "不能大于 {le}。",
    "timezone_aware": "时间须写明时区，例如 2026-07-15T10:00:00+08:00。",
}
_TYPES = {
    "string": "应为文字。",
    "int": "应为整数。",
    "bool": "应为 true 或 false。",
    "list": "应为列表。",
    "date": "应为日期，例如 2026-07-15。",
    "datetime": "应为写明时区的时间，例如 2026-07-15T10:00:00+08:00。",
    "timezone": "时间须写明时区，例如 2026-07-15T10:00:00+08:00。",
    "model": "应为 JSON 对象。",
    "dict": "应为 JSON 对象。",
}
_OTHERWISE = "内容不符合要求。"


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818 - an answer, not a fault
    """An answer that is an error: its status, its code, and what is wrong where."""

    status: HTTPStatus
    code: str
    facts: Mapping[str, object] = field(default_factory=dict)
    errors: tuple[Mapping[str, str], ...] = ()
    members: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""

    def response(self) -> Response:
        """The answer as it is sent."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "code": self.code,
            "detail": self.detail or DETAILS[self.code].format(**self.facts),
            **self.members,
        }
        if self.errors:
            body["errors"] = [dict(error) for error in self.errors]
        text = json.dumps(body, ensure_ascii=False)
        return Response(text, int(self.status), dict(self.headers), mimetype=MEDIA_TYPE)


def of_refusal(
    refusal: Refused, words: Words, names: Mapping[str, str], *, is_query: bool
) -> Problem:
    """A refusal of a rule or service; `names` has what fields are called in the API."""
    status = STATUSES.get(refusal.code, HTTPStatus.UNPROCESSABLE_ENTITY)
    errors = []
    for one in (refusal, *refusal.others):
        if one.field:
            name = names.get(one.field, one.field)
            where = {"parameter": name} if is_query else {"pointer": f"#/{name}"}
            errors.append(where | {"code": one.code, "detail": words(one)})
    return Problem(status, refusal.code, errors=tuple(errors), detail=words(refusal))


def of_validation(error: ValidationError, words: Words, *, is_query: bool) -> Problem:
    """What does not fit the model of a query or body."""
    errors = []
    for found in error.errors(include_url=False, include_input=False):
        place = [str(part) for part in found["loc"]]
        where = {"parameter": ".".join(place)} if is_query else {"pointer": _pointer(place)}
        errors.append(where | {"code": found["type"], "detail": _detail(found, words)})
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", errors=tuple(errors))


def _pointer(place: Iterable[str]) -> str:
    """RFC 6901, as a fragment."""
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in place)
    return "#" + "".join(f"/{part}" for part in escaped)


def _detail(found: Any, words: Words) -> str:
    kind, facts = found["type"], {"name": (found["loc"] or [""])[-1], **found.get("ctx", {})}
    if kind in _KINDS:
        return _KINDS[kind].format(**facts)
    if found["msg"] == kind:  # one of ours, which has its sentence
        return words(Refused(kind, **facts))
    return _TYPES.get(kind.partition("_")[0], _OTHERWISE)
