"""Chinese text as syllables of pinyin, read from pypinyin's dictionaries.

pypinyin itself keeps every reading of 47,000 phrases in lists of their own: 57 MiB and half a
second. Here a process keeps one reading of each character, and only the phrases that are read
otherwise keep theirs: 10 MiB. All phrases are kept by name, as they decide where a word ends.
"""

import re
from array import array
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from crm.base.value_class import value_class

_TONES = str.maketrans("āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüńňǹḿ", "aaaaeeeeiiiioooouuuuvvvvvnnnm")
_CHARACTER = re.compile(rb'"(\d+)":\s*"([^",]+)')  # a code point with its first reading
_PHRASE = re.compile(rb'"([^"]+)":\s*\[((?:\s*\[[^\]]*\],?)+)')
_READING = re.compile(r'\[\s*"([^"]+)"')  # the first of a character's readings


@value_class
class Dictionary:
    """The readings of characters, and of phrases where they differ from their characters'."""

    readings: list[str]  # "" and all syllables there are
    characters: "array[int]"  # by code point: where in `readings` its reading is
    phrases: dict[str, list[str] | None]
    longest: int = 0  # phrase, in characters

    def of_character(self, character: str) -> str:
        """Empty where it has no reading."""
        code = ord(character)
        return self.readings[self.characters[code]] if code < len(self.characters) else ""

    def of_word(self, word: str) -> list[str]:
        """The syllables of a phrase or of one character."""
        own = self.phrases.get(word)
        return own or list(filter(None, map(self.of_character, word)))

    def phrase_at(self, text: str, start: int) -> str:
        """The longest phrase that begins there, or one character."""
        for end in range(min(start + self.longest, len(text)), start + 1, -1):
            if text[start:end] in self.phrases:
                return text[start:end]
        return text[start]


def syllables(text: str) -> list[str]:
    """A syllable for each Chinese character; other text stays in one piece, without blanks."""
    found, other, at = list[str](), "", 0
    known = _dictionary()

    while at < len(text):
        word = known.phrase_at(text, at)
        at += len(word)
        if reading := known.of_word(word):
            found += [other, *reading]
            other = ""
        else:
            other += word

    return [part.strip() for part in [*found, other] if part.strip()]


@cache
def _dictionary() -> Dictionary:
    # not importlib.resources, which would import the library
    spec = find_spec("pypinyin")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name="pypinyin")
    folder = Path(spec.origin).parent

    codes: dict[str, int] = {"": 0}
    first = _matches(_CHARACTER, folder / "pinyin_dict.json")
    indexes = {int(code): codes.setdefault(reading, len(codes)) for code, reading in first}
    characters = array("H", bytes(2 * (max(indexes) + 1)))
    for code, index in indexes.items():
        characters[code] = index

    made = Dictionary([*codes], characters, {}, 0)
    for phrase, listed in _matches(_PHRASE, folder / "phrases_dict.json"):
        own = _READING.findall(listed)
        made.phrases[phrase] = None if own == [*map(made.of_character, phrase)] else own
    return Dictionary(made.readings, characters, made.phrases, max(map(len, made.phrases)))


def _matches(pattern: re.Pattern[bytes], path: Path) -> Iterator[tuple[str, str]]:
    # as bytes: as text the file of phrases would take 5 MiB, and half of it stay
    for found in pattern.finditer(path.read_bytes()):
        yield found[1].decode(), found[2].decode().translate(_TONES)
