"""Read draft rules from a YAML file like seeds/regime.yaml; report every problem with its line."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import click
import yaml

from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.cli.errors import RefusedError
from crm.quotas.rule_changes import check_rule
from crm.quotas.rules import DAYS_TO_ENTER, DAYS_TO_LOG, Rule
from crm.visits.rules import Kind, kinds_counting
from crm.web.errors import refusal_text

LARGEST_BYTES = 1_000_000
MOST_LISTED = 50
AnyEnum = TypeVar("AnyEnum", bound=LabeledEnum)
Value = TypeVar("Value")


@value_class
class _Problem:
    line: int
    field: str
    sentence: str

    def __str__(self) -> str:
        place = f"第 {self.line} 行，{self.field}" if self.field else f"第 {self.line} 行"
        return f"  {place}：{self.sentence}"


class _InvalidValueError(Exception):
    """A value cannot be read; the message is a sentence for the user."""


def read_rules(file: Path, *, since: date) -> list[Rule]:
    """The rules of the file; RefusedError with all its problems. `since`: default `valid_from`."""
    problems: list[_Problem] = []
    rules: dict[str, Rule] = {}

    for row in _rule_nodes(file):
        rule = _rule(row, since, problems)
        if rule and rule.code in rules:
            problems.append(_Problem(_line(row), "code", f"{rule.code} 在文件中重复出现。"))
        elif rule:
            rules[rule.code] = rule

    if problems:
        lines = [f"{file} 有 {len(problems)} 处问题：", *map(str, problems[:MOST_LISTED])]
        raise RefusedError("\n".join(lines))

    return [_with_remote(rule) for rule in rules.values()]


def _with_remote(rule: Rule) -> Rule:
    """The rule, with the kind `remote` added where its channels count visits now of that kind."""
    kinds = kinds_counting(rule.kinds, rule.channels)
    if kinds != rule.kinds:
        label = Kind.REMOTE.label
        notice = f"注意：{rule.code} 计入了线上的方式，这样的拜访现在属于“{label}”，已一并计入。"
        click.echo(notice, err=True)
    return replace(rule, kinds=kinds)


def _rule_nodes(file: Path) -> list[yaml.Node]:
    try:
        with file.open("rb") as stream:
            text = stream.read(LARGEST_BYTES)
        # Nodes, not values: they know their lines. Notepad begins a file with a byte-order mark.
        node = yaml.compose(text.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except OSError:
        raise RefusedError(f"无法打开文件 {file}，请检查路径和权限。") from None
    except UnicodeDecodeError:
        raise RefusedError(f"{file} 不是 UTF-8 编码的文本。") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RefusedError(f"{file} 第 {line} 行不是正确的 YAML，请检查缩进和冒号。") from None
    except yaml.YAMLError:
        raise RefusedError(f"{file} 不是正确的 YAML。") from None

    if not isinstance(node, yaml.SequenceNode) or not node.value:
        raise RefusedError(f"{file} 里应是规则的列表，每条以“- code: …”开头。")

    return list(node.value)


def _rule(node: yaml.Node, since: date, problems: list[_Problem]) -> Rule | None:
    """The node as a rule; None where it has problems, which are added to the list."""
    line = _line(node)
    if not isinstance(node, yaml.MappingNode):
        problems.append(_Problem(line, "", "此处应为一条规则的各字段。"))
        return None

    # The list is shared by all rules of the file.
    problems_before = len(problems)
    nodes = {str(key.value): value for key, value in node.value}

    for key, _ in node.value:
        if str(key.value) not in READERS:
            problems.append(_Problem(_line(key), str(key.value), "该字段不存在。"))

    values: dict[str, Any] = {
        "valid_from": since,
        "valid_to": None,
        "log_within_days": DAYS_TO_LOG,
        "stay_within_days": DAYS_TO_ENTER,
    }
    values |= _values(nodes, problems)
    missing = [name for name in READERS if name not in values and name not in nodes]
    problems += [_Problem(line, name, "缺少该字段。") for name in missing]
    if len(problems) > problems_before:
        return None

    return _checked(Rule(**values), nodes, line, problems)


def _values(nodes: Mapping[str, yaml.Node], problems: list[_Problem]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, reader in READERS.items():
        if name in nodes:
            try:
                values[name] = reader(nodes[name])
            except _InvalidValueError as error:
                problems.append(_Problem(_line(nodes[name]), name, str(error)))
    return values


def _checked(
    rule: Rule, nodes: Mapping[str, yaml.Node], line: int, problems: list[_Problem]
) -> Rule | None:
    try:
        check_rule(rule)
    except Refused as refusal:
        field = refusal.field or ""
        at = _line(nodes[field]) if field in nodes else line
        problems.append(_Problem(at, field, refusal_text(refusal)))
        return None
    return rule


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _text(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
        raise _InvalidValueError("请填写此项。")
    return str(node.value).strip()


def _number(node: yaml.Node) -> int:
    text = _text(node)
    # isdigit alone is true for digits of any script
    if not text.isascii() or not text.isdigit():
        raise _InvalidValueError(f"“{text}”不是整数。")
    return int(text)


def _date(node: yaml.Node) -> date:
    text = _text(node)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _InvalidValueError(f"“{text}”不是有效日期，请按 2026-07-15 的格式填写。") from None


def _or_none(reader: Callable[[yaml.Node], Value], node: yaml.Node) -> Value | None:
    # the ways in which YAML writes an empty value
    return None if node.value in ("", "null", "~") else reader(node)


def _member(enum: type[AnyEnum], node: yaml.Node) -> AnyEnum:
    text = _text(node)
    try:
        return enum.read(text)
    except ValueError:
        allowed = "、".join(f"{member.value}（{member.label}）" for member in enum)
        raise _InvalidValueError(f"“{text}”不在可选范围内，可选：{allowed}。") from None


def _members(enum: type[AnyEnum], node: yaml.Node) -> frozenset[AnyEnum]:
    if not isinstance(node, yaml.SequenceNode):
        raise _InvalidValueError("此处应为列表，请按 [a, b] 的格式填写。")
    return frozenset(_member(enum, item) for item in node.value)


def _reader(of_type: Any) -> Callable[[yaml.Node], Any]:
    """The function that reads a field of that type."""
    # the types inside `frozenset[Kind]` or `int | None`
    inner = [arg for arg in get_args(of_type) if arg is not NoneType]
    if get_origin(of_type) is frozenset:
        return partial(_members, *inner)
    if get_origin(of_type) is UnionType:
        return partial(_or_none, _reader(*inner))
    if issubclass(of_type, LabeledEnum):
        return partial(_member, of_type)
    return {str: _text, int: _number, date: _date}[of_type]


# From the types of Rule, so that a new field is read without a line here.
READERS: Mapping[str, Callable[[yaml.Node], Any]] = {
    name: _reader(of_type) for name, of_type in get_type_hints(Rule).items()
}
