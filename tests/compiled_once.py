"""What each new application compiles anew, compiled once: the addresses and the pages."""

from collections.abc import Callable

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]
_compile: Callable[[Rule, bool], Builder] = Rule._compile_builder  # noqa: SLF001
_builders: dict[tuple[object, ...], Builder] = {}


def share() -> None:
    """Let the applications of this process, and of those it forks, share what they compile.

    Nine tenths of the time of `create_app` is that of the addresses' functions.
    """
    Rule._compile_builder = _builder  # noqa: SLF001
    Flask.jinja_options = {"bytecode_cache": _Pages()}


def _builder(rule: Rule, append_unknown: bool = True) -> Builder:
    if rule.defaults:
        return _compile(rule, append_unknown)
    key = (rule.rule, append_unknown, *rule._trace)  # noqa: SLF001 - all that it is made from
    if key not in _builders:
        _builders[key] = _compile(rule, append_unknown)
    return _builders[key]


class _Pages(BytecodeCache):
    """Keeps them in memory, for as long as their source is the same."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()
