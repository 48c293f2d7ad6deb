"""What each new application compiles anew, compiled once: the pages."""

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket


def share() -> None:
    """Let the applications of this process, and of those it forks, share what they compile."""
    Flask.jinja_options = {"bytecode_cache": _Pages()}


class _Pages(BytecodeCache):
    """Keeps them in memory, for as long as their source is the same."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()
