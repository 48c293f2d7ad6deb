"""Names in the cells of a bureau's table: one or several, with titles, and who is meant. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from crm.base.errors import Refused
from crm.base.names import folded
from crm.base.typed_text import half_width

OUTSIDER = ""  # chosen for a name: nobody of the zone
_SEPARATOR = re.compile(r"[、,;/\n|&]|(?<=[\u4e00-\u9fff])(?:和|及|与)(?=[\u4e00-\u9fff]{2})")
_BRACKETS = re.compile(r"\([^)]*\)")
_REST = re.compile(r"等?\d*(?:[一二三四五六七八九十]+)?(?:人|名同志|位同志|一行)$|等$|一行$")
_TITLE = re.compile(
    r"(?:党工委|管委会|工委)?(?:副?(?:书记|主任|局长|部长|处长|科长|区长|镇长|行长|院长|所长|组长|会长|总经理|经理))$"
    r"|(?:同志|委员|调研员|主管|专员|科员)$"
)


class FindsPerson(Protocol):
    """What knows the accounts of the zone."""

    def find(self, text: str, field: str) -> object:
        """Who is meant, with a user name.

        Refused as `unknown_person_in_file` and `ambiguous_person`.
        """


@dataclass(slots=True)
class People:
    """The accounts of the zone, what was chosen for names, and the names that are still open."""

    known: FindsPerson
    chosen: Mapping[str, str] = field(default_factory=dict)  # user names by folded name
    open: dict[str, str] = field(default_factory=dict)  # names by their folded form
    _found: dict[str, str | None] = field(default_factory=dict)

    def username(self, name: str) -> str | None:
        """The account of the name; `OUTSIDER`, or None where one must be chosen first."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def ask_again(self, name: str) -> None:
        """Leave the name open although somebody was chosen for it."""
        self.open.setdefault(folded(name), name)

    def _find(self, name: str) -> str | None:
        plain = folded(name)
        if plain in self.chosen:
            return self.chosen[plain]
        for text in dict.fromkeys((name, _TITLE.sub("", plain))):
            try:
                person = self.known.find(text, "")
            except Refused:
                continue
            return str(person.username)  # type: ignore[attr-defined] # of each who is found
        self.open.setdefault(plain, name)
        return None


@lru_cache(maxsize=10_000)  # a table names the same people again and again
def names_in(text: str) -> Sequence[str]:
    """The names of a cell, each once, without brackets and 等3人."""
    # a blank within a short name only spreads it: 张　三
    plain = _BRACKETS.sub("", "\n".join(map(half_width, text.splitlines())))
    found = []
    for part in _SEPARATOR.split(plain):
        words = [_REST.sub("", word) for word in part.split(" ")]
        is_spread = all(len(word) <= 1 for word in words) or len(words) == 1
        found += ["".join(words)] if is_spread else words
    return tuple(dict.fromkeys(word for word in found if word))
