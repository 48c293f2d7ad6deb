"""The page that describes the API to people: the description as a page of our own."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from crm.api.openapi import document
from crm.base.value_class import value_class
from crm.people.rules import Scope

bp = Blueprint("api_reference", __name__)
_KINDS = {
    "string": "文字",
    "integer": "整数",
    "number": "数",
    "boolean": "是/否",
    "array": "列表",
    "object": "对象",
}
_FORMATS = {"date": "日期", "date-time": "时间"}
_PLACES = {"query": "查询参数", "path": "地址", "header": "请求头"}


@value_class
class FieldRow:
    """A field or parameter in words."""

    name: str
    kind: str
    about: str
    is_required: bool


@value_class
class OperationRow:
    """An operation with what goes in and comes out."""

    key: str
    method: str
    path: str
    summary: str
    about: str
    parts: tuple[tuple[str, tuple[FieldRow, ...]], ...]
    statuses: tuple[tuple[str, str], ...]


@bp.get("/api/v1/reference")
def show() -> ResponseReturnValue:
    described = document()
    groups = [
        (tag["description"], list(_rows(described, tag["name"]))) for tag in described["tags"]
    ]
    return render_template("api/reference.html", groups=groups, scopes=Scope)


def _rows(described: Mapping[str, Any], tag: str) -> Iterator[OperationRow]:
    for path, methods in described["paths"].items():
        for method, one in methods.items():
            if tag in one["tags"]:
                yield _row(described, method.upper(), path, one)


def _row(described: Mapping[str, Any], method: str, path: str, one: Any) -> OperationRow:
    parts = [
        (
            label,
            tuple(_parameter(described, row) for row in one["parameters"] if row["in"] == place),
        )
        for place, label in _PLACES.items()
    ]
    if body := one.get("requestBody"):
        parts.append(("内容", tuple(_fields_of(described, body))))
    success = next(answer for status, answer in one["responses"].items() if status < "300")
    parts.append(("回答", tuple(_fields_of(described, success))))
    statuses = tuple((status, answer["description"]) for status, answer in one["responses"].items())
    filled = tuple(part for part in parts if part[1])
    return OperationRow(
        one["operationId"], method, path, one["summary"], one["description"], filled, statuses
    )


def _fields_of(described: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[FieldRow]:
    """The fields of what is sent or answered; a file has none."""
    if told := content["content"].get("application/json"):
        yield from _fields(described, told["schema"])


def _parameter(described: Mapping[str, Any], row: Mapping[str, Any]) -> FieldRow:
    kind = _kind(described, row["schema"])
    return FieldRow(row["name"], kind, row.get("description", ""), row["required"])


def _fields(described: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[FieldRow]:
    model = _resolved(described, schema)
    for name, one in model.get("properties", {}).items():
        kind = _kind(described, one)
        about = one.get("description", "")
        yield FieldRow(name, kind, about, name in model.get("required", ()))


def _resolved(described: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rpartition("/")[2]
    found: Mapping[str, Any] = described["components"]["schemas"][name]
    return found


def _kind(described: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The type in words: 列表（对象 ref、label）."""
    if options := schema.get("anyOf"):
        kinds = [_kind(described, option) for option in options if option.get("type") != "null"]
        return "或".join(dict.fromkeys(kinds))
    model = _resolved(described, schema)
    if "enum" in model:
        return "、".join(map(str, model["enum"]))
    if "properties" in model:
        return f"对象（{'、'.join(model['properties'])}）"
    if model.get("type") == "array":
        return f"列表：{_kind(described, model['items'])}"
    return _FORMATS.get(model.get("format", ""), _KINDS.get(model.get("type", ""), ""))
