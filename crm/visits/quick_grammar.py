"""The grammar of quick entries for the page, which reads them where there is no network (ENTRY 1).

The patterns are written once, here in Python; assets/quick has only the steps between them.
"""

import re
from collections.abc import Mapping

from crm.visits import (
    quick_colleagues,
    quick_companies,
    quick_dates,
    quick_entry,
    quick_met,
    quick_names,
    quick_orgs,
    quick_steps,
    quick_text,
    quick_times,
    quick_visit_dates,
    quick_words,
)
from crm.visits.quick_words import KINDS

MODULES = (
    *(quick_colleagues, quick_companies, quick_dates, quick_entry, quick_met, quick_names),
    *(quick_orgs, quick_steps, quick_text, quick_times, quick_visit_dates, quick_words),
)


def grammar() -> dict[str, str]:
    """The patterns by their names, as JavaScript writes them."""
    patterns: dict[str, str | re.Pattern[str]] = {}
    for module in MODULES:
        of_module: Mapping[str, str | re.Pattern[str]] = module.PATTERNS
        patterns |= of_module
    words = {_kind_name(place): re.compile(kind[2]) for place, kind in enumerate(KINDS)}
    return {name: _source(pattern) for name, pattern in (patterns | words).items()}


def compile_patterns() -> None:
    """Compile the long patterns, which takes a second, before anybody waits for them."""
    for module in MODULES:
        of_module: Mapping[str, str | re.Pattern[str]] = module.PATTERNS
        for pattern in of_module.values():
            if isinstance(pattern, str):
                quick_text.compiled(pattern)


def kinds() -> list[dict[str, str]]:
    """The kinds in their order, with the name of the pattern of each."""
    return [
        {"kind": kind, "channel": channel, "pattern": _kind_name(place)}
        for place, (kind, channel, _) in enumerate(KINDS)
    ]


def _kind_name(place: int) -> str:
    return f"kind{place}"


def _source(pattern: str | re.Pattern[str]) -> str:
    if isinstance(pattern, str):
        return pattern.replace("(?P<", "(?<")
    source = _source(pattern.pattern)
    return re.sub(r"\s+", "", source) if pattern.flags & re.VERBOSE else source
