"""How a contact's data are taken out of what is kept. Pure."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from crm.base.value_class import value_class

_SEPARATORS = re.compile(r"([、,，;；/\s]+)")
_TITLE = re.compile(r"[（(].*[）)]$")  # behind a name
NOTHING = ""


@value_class
class PersonalData:
    """What is kept of one contact, and by what it is replaced."""

    names: frozenset[str]
    reach: frozenset[str]  # telephone numbers and mail addresses
    pseudonym: str

    @property
    def words(self) -> Mapping[str, str]:
        """Each value with what stands in its place, the longest first."""
        pairs = [(name, self.pseudonym) for name in self.names]
        pairs += [(value, NOTHING) for value in self.reach]
        return dict(sorted(pairs, key=lambda pair: -len(pair[0])))


def pseudonym_of(contact_id: int) -> str:
    """A name that says nothing of the person, always the same: `联系人-7F3A`."""
    return f"联系人-{sha256(f'contact {contact_id}'.encode()).hexdigest()[:4].upper()}"


def met_without(met: str, data: PersonalData) -> str:
    """The people met, with the pseudonym for the contact; others whose name is longer stay."""
    parts = _SEPARATORS.split(met)
    return "".join(data.pseudonym if _TITLE.sub("", part) in data.names else part for part in parts)


def position_without(met: str, position: str | None, data: PersonalData) -> str | None:
    """The positions of those met without the contact's.

    None where only the contact was met; as it is where it cannot be told whose is which.
    """
    people, positions = _items(met), _items(position or "")
    own = [place for place, name in enumerate(people) if _TITLE.sub("", name) in data.names]
    if len(own) == len(people):
        return None
    if len(people) != len(positions):
        return position
    return "、".join(text for place, text in enumerate(positions) if place not in own)


def _items(text: str) -> Sequence[str]:
    return [part for part in _SEPARATORS.split(text)[::2] if part]


def text_without(text: str, data: PersonalData) -> str:
    """The text with each value replaced."""
    for word, instead in data.words.items():
        text = text.replace(word, instead)
    return text


def value_without(value: Any, data: PersonalData) -> Any:
    """A value read from JSON, with each text in it that is one of the values replaced."""
    match value:
        case str():
            return data.words.get(value, value)
        case list():
            return [value_without(item, data) for item in value]
        case dict():
            return {key: value_without(item, data) for key, item in value.items()}
    return value
