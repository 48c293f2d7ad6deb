"""The description of the API (OpenAPI 3.1), made from the operations and their models."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from crm.api.operations import MATCHED, Operation, Resource
from crm.api.problems import MEDIA_TYPE
from crm.api.resources import RESOURCES
from crm.files.kinds import MEDIA_TYPES

VERSION = "1.0"
_REF = "#/components/schemas/{model}"
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_TEXT = {"type": "string"}
_BINARY: dict[str, Any] = {}
_ANSWERS = {  # what the statuses say, in the order of a request's way
    400: "请求不完整或不是有效的 JSON",
    401: "没有有效的访问令牌",
    403: "令牌或本人没有相应权限",
    404: "没有该记录，或不在本人的权限范围内",
    406: "回答的格式只有 application/json",
    409: "与他人的变动或已有内容冲突，或登记前需要确认",
    412: "记录已有变动，与 If-Match 不符",
    413: "请求内容过大",
    415: "请求内容的格式不符：JSON，上传的为文件本身",
    422: "内容不符合要求",
    428: "缺少 If-Match",
    429: "请求过于频繁",
    503: "数据库暂时无法使用",
}
_OF_ALL = (401, 403, 406, 422, 429, 503)
_OF_METHOD = {
    "POST": (400, 409, 413, 415),
    "PATCH": (400, 409, 412, 413, 415, 428),
    "PUT": (400, 409, 412, 413, 415, 428),
    "DELETE": (400, 409, 412, 428),
}
_RATE = {
    "RateLimit-Limit": "每分钟的请求数上限",
    "RateLimit-Remaining": "本分钟剩余的请求数",
    "RateLimit-Reset": "距计数清零的秒数",
}
_PROBLEM_SCHEMA = {
    "type": "object",
    "description": "错误（RFC 9457）",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "错误的代码，不随文字改变"},
        "detail": {"type": "string", "description": "错误的说明"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "内容中的位置（RFC 6901）"},
                    "parameter": {"type": "string", "description": "查询参数"},
                    "code": _TEXT,
                    "detail": _TEXT,
                },
            },
        },
    },
}


def all_operations() -> Iterator[tuple[Resource, Operation]]:
    """The operations of all resources, in their order."""
    for resource in RESOURCES:
        for operation in resource.operations:
            yield resource, operation


@cache
def document() -> dict[str, Any]:
    """The whole description."""
    models = _Models(operation for _, operation in all_operations())
    paths: dict[str, dict[str, Any]] = {}
    for resource, operation in all_operations():
        described = _operation(resource, operation, models)
        paths.setdefault(f"/api/v1{operation.path}", {})[operation.method.lower()] = described

    return {
        "openapi": "3.1.0",
        "info": {
            "title": "招商系统接口",
            "version": VERSION,
            "description": "与页面使用同样的数据、规则和权限；访问令牌在“我的账号”生成。",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": one.tag, "description": one.label} for one in RESOURCES],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {**models.schemas, "Problem": _PROBLEM_SCHEMA},
        },
    }


class _Models:
    """The schemas of all models, each once."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        wanted: dict[tuple[type[BaseModel], Any], None] = {}
        for operation in operations:
            if not operation.is_download:
                wanted[operation.returns, "serialization"] = None
            for model in (operation.body, operation.query):
                if model:
                    wanted[model, "validation"] = None
        refs, definitions = models_json_schema(list(wanted), ref_template=_REF)
        self._refs: dict[Any, Any] = dict(refs)
        self.schemas: dict[str, Any] = definitions.get("$defs", {})

    def ref(self, model: type[BaseModel], mode: str) -> dict[str, Any]:
        found: dict[str, Any] = self._refs[model, mode]
        return found

    def resolved(self, model: type[BaseModel]) -> dict[str, Any]:
        """The schema of a query, which stands in parameters."""
        name = self.ref(model, "validation")["$ref"].rpartition("/")[2]
        found: dict[str, Any] = self.schemas[name]
        return found


def _operation(resource: Resource, operation: Operation, models: _Models) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [resource.tag],
        "summary": operation.summary,
        "description": f"需要的权限：{operation.scope.label}（{operation.scope}）",
        "parameters": [*_in_path(operation), *_in_query(operation, models), *_headers(operation)],
        "responses": {**_success(operation, models), **dict(_problems(operation))},
    }
    if operation.body:
        schema = models.ref(operation.body, "validation")
        content = {"application/json": {"schema": schema}}
        described["requestBody"] = {"required": True, "content": content}
    if operation.takes_file:
        described["requestBody"] = {"required": True, "content": {"application/octet-stream": {}}}
    return described


def _in_path(operation: Operation) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", operation.path):
        schema = TypeAdapter(operation.in_path[name]).json_schema()
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(operation: Operation, models: _Models) -> Iterator[dict[str, Any]]:
    if operation.query is None:
        return
    model = models.resolved(operation.query)
    for name, schema in model["properties"].items():
        kinds = schema.get("anyOf", [])
        # what may be left out is left out, not null
        values = [kind for kind in kinds if kind.get("type") != "null"]
        own = {key: value for key, value in schema.items() if key not in ("anyOf", "description")}
        if own.get("default", "") is None:
            del own["default"]
        yield {
            "name": name,
            "in": "query",
            "required": name in model.get("required", ()),
            "description": schema.get("description", ""),
            "schema": {**own, **(values[0] if values else {})},
        }


def _headers(operation: Operation) -> Iterator[dict[str, Any]]:
    if operation.method == "POST":
        schema = {"type": "string", "pattern": "^[!-~]{1,200}$"}
        text = "由调用方生成；以同一个键重复提交，只登记一次，得到同样的回答"
        yield _header("Idempotency-Key", text, schema, is_required=True)
    if operation.method in MATCHED:
        yield _header("If-Match", "所修改记录的 ETag", _TEXT, is_required=True)
    if operation.method == "GET":
        yield _header("If-None-Match", "已有的 ETag；没有变动时回答 304", _TEXT, is_required=False)


def _header(name: str, text: str, schema: object, *, is_required: bool) -> dict[str, Any]:
    place = {"name": name, "in": "header", "required": is_required}
    return {**place, "description": text, "schema": schema}


def _success(operation: Operation, models: _Models) -> dict[str, Any]:
    status = HTTPStatus.CREATED if operation.creates else HTTPStatus.OK
    content: dict[str, Any]
    if operation.is_download:
        content = dict.fromkeys(MEDIA_TYPES.values(), _BINARY)
    else:
        schema = models.ref(operation.returns, "serialization")
        content = {"application/json": {"schema": schema}}
    headers = {"ETag": "状态的标记", **({"Location": "新记录的地址"} if operation.creates else {})}
    answer = {
        "description": operation.summary,
        "headers": _described(headers | _RATE),
        "content": content,
    }
    found: dict[str, Any] = {str(int(status)): answer}
    if operation.method == "GET":
        found["304"] = {"description": "没有变动"}
    if operation.may_hide:
        text = "已办理；办理后该记录不在本人的权限范围内，没有内容"
        found["204"] = {"description": text, "headers": _described(_RATE)}
    return found


def _problems(operation: Operation) -> Iterator[tuple[str, Any]]:
    statuses = {*_OF_ALL, *_OF_METHOD.get(operation.method, ()), *operation.refusals}
    if operation.in_path:
        statuses.add(404)
    for status in sorted(statuses):
        headers = {"Retry-After": "再次请求前等待的秒数"} if status in (429, 503) else {}
        yield (
            str(status),
            {
                "description": _ANSWERS[status],
                "headers": _described(headers),
                "content": {MEDIA_TYPE: {"schema": _PROBLEM}},
            },
        )


def _described(headers: dict[str, str]) -> dict[str, Any]:
    return {name: {"description": text, "schema": _TEXT} for name, text in headers.items()}
