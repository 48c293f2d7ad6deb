"""What an import of visits says besides its counts: how it read a row, and what it asks about."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from crm.base.errors import Refused
from crm.base.sheets import Problem
from crm.visits.rules import CHANNELS_OF, Channel, Kind

MOST_NAMED = 20  # lines of the file that one notice names


def read_as_remote(rows: Iterable[tuple[int, Kind, Channel]]) -> Iterator[Problem]:
    """The rows, by their lines, whose kind no longer has their channel (REGIME 3)."""
    lines = defaultdict(list)
    for line, kind, channel in rows:
        if channel not in CHANNELS_OF[kind] and kind is not Kind.REMOTE:
            lines[kind, channel].append(line)
    for (kind, channel), found in lines.items():
        facts = {"kind": kind.label, "channel": channel.label, "lines": named(found)}
        yield Problem(Refused("read_as_remote", None, **facts))


def named(lines: list[int]) -> str:
    """The lines of a file as a notice names them."""
    return "、".join(map(str, lines[:MOST_NAMED])) + "…" * (len(lines) > MOST_NAMED)
