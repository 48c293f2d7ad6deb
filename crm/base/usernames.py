"""What a user name may be, and how a typed one is compared."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TypeVar

from crm.base.errors import Refused

LONGEST_USERNAME = 64
RESERVED = frozenset({"new"})  # the address of another page
MARKS = frozenset("._-@+")
_INVISIBLE = frozenset({"Cc", "Cf"})  # control characters; zero-width and direction marks

Row = TypeVar("Row")


def fold_username(text: str) -> str:
    """The name without its case, its width, blanks and invisible characters."""
    visible = "".join(char for char in text if unicodedata.category(char) not in _INVISIBLE)
    folded = unicodedata.normalize("NFKC", visible).casefold()
    return unicodedata.normalize("NFKC", "".join(folded.split()))


@lru_cache(maxsize=10_000)  # a file names the same people again and again
def spellings(typed: str) -> tuple[str, str]:
    """The stored names that a typed one may mean, the more exact one first."""
    return unicodedata.normalize("NFC", typed).strip().lower(), fold_username(typed)


def is_sound(name: str) -> bool:
    """Whether a new account may have this name: it reads as typed and has an address of its own."""
    return (
        0 < len(name) <= LONGEST_USERNAME
        and name == fold_username(name)
        and name not in RESERVED
        and all(char.isalnum() or char in MARKS for char in name)
        and name[0].isalnum()
        and name[-1].isalnum()
    )


def new_username(typed: str) -> str:
    """The name of a new account in lower case; refused as `bad_username`."""
    name = unicodedata.normalize("NFC", typed).strip().casefold()
    if not is_sound(name):
        facts = {"value": typed.strip(), "longest": LONGEST_USERNAME}
        raise Refused("bad_username", field="username", **facts)
    return name


class ByUsername(Mapping[str, Row]):
    """Rows by user name; a typed name finds what it means."""

    def __init__(self, rows: Iterable[tuple[str, Row]]) -> None:
        self._rows = dict(rows)

    def __getitem__(self, typed: str) -> Row:
        """The row of the account that is meant."""
        for name in spellings(typed):
            if name in self._rows:
                return self._rows[name]
        raise KeyError(typed)

    def __iter__(self) -> Iterator[str]:
        """The names as they are stored."""
        return iter(self._rows)

    def __len__(self) -> int:
        """How many accounts there are."""
        return len(self._rows)
