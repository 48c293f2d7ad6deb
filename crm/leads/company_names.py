"""The normal form of a company's name, by which likely duplicates are found (PROJECTS 6).

Pure: a name in, a name out. The normal form is compared and never shown.
"""

import re
import unicodedata
from functools import cache

from crm.base.names import simplified
from crm.base.seed_files import read_seeds

SHORTEST = 2  # characters that a cut must leave: 南通有限公司 stays 南通
LONGEST = 100  # characters of a name; whatever is typed beyond them is not compared
SHORTEST_CONTAINED = 4  # characters of a normal form that may be part of another one

_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|【[^【】]*】|〔[^〔〕]*〕")
_SEPARATORS = re.compile(r"[\s.,·•‧・'\"()\[\]【】〔〕]+")
# longest first: what is left after a cut is looked at again
_SUFFIXES = re.compile(
    r"(?:(?:集团)?(?:股份)?(?:有限责任|有限)?总?公司|\(?有限合伙\)?|(?:普通)?合伙企业|集团)$"
)
_LATIN_SUFFIXES = re.compile(
    r"(?:[\s.,]+(?:ag|bv|co|company|corp|corporation|gmbh|inc|kg|limited|llc|ltd|plc|pte|pty))+[\s.]*$"
)
_OF_PLACES = "省|市|地区|盟|特别行政区|(?:壮族|回族|维吾尔)?自治区|[^州]{0,12}族自治州|自治州"


def normal_form(name: str) -> str:
    """The name without blanks, brackets, legal suffix and leading place, in simplified letters.

    Brackets count where nothing stands outside them.
    """
    text = _unified(name).casefold()[:LONGEST]
    outside = _LATIN_SUFFIXES.sub("", _without_brackets(text).strip())
    bare = _SEPARATORS.sub("", outside) or _SEPARATORS.sub("", text)

    while (shorter := _cut_once(bare)) != bare:
        bare = shorter

    return bare


def place_of(name: str) -> str:
    """The province or prefecture with which the name begins; empty where there is none."""
    text = _SEPARATORS.sub("", _unified(name))
    found = _places().match(text)
    return found["place"] if found else ""


def parts_of(normal: str) -> set[str]:
    """The parts of a normal form that may be the normal form of another company."""
    length = len(normal)
    return {
        normal[first:last]
        for first in range(length - SHORTEST_CONTAINED + 1)
        for last in range(first + SHORTEST_CONTAINED, length + 1)
    }


def _unified(name: str) -> str:
    """The name in simplified letters of one width; a letter may become several, so cut twice."""
    return simplified(unicodedata.normalize("NFKC", name[:LONGEST])[:LONGEST])


def _without_brackets(text: str) -> str:
    while (shorter := _BRACKETED.sub("", text)) != text:  # the inner ones first
        text = shorter
    return text


def _cut_once(text: str) -> str:
    for pattern in (_SUFFIXES, _places()):
        shorter = pattern.sub("", text, count=1)
        if len(shorter) >= SHORTEST:
            text = shorter
    return text


@cache
def _places() -> re.Pattern[str]:
    rows: dict[str, list[str]] = read_seeds("places.yaml")
    names = sorted({*rows, *(name for names in rows.values() for name in names)}, key=len)
    return re.compile(rf"^(?P<place>{'|'.join(reversed(names))})(?:{_OF_PLACES})?")
