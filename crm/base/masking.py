"""Telephone numbers and mail addresses as lists show them: enough to recognise, not to use."""

import re

_PARTS = re.compile(r"([/,、;转#]+)")
SHOWN_END = 4  # digits that stay at the end
MOST_HIDDEN = 4  # digits before them
SHORTEST = 7  # digits of a number that has so long an end
EXTENSION = re.compile(r"[转#]")
STAR = "*"
_AREA_CODE = r"(?:0\d{2,3})?"  # may be left out where one is near
_COUNTRY_CODE = r"(?:00)?(?:86)?"


def masked_phone(number: str) -> str:
    """The number without the four digits before its last four: `138****5678`."""
    parts = _PARTS.split(number)
    # an extension is short and of no use without the number before it
    return "".join(
        part if place and EXTENSION.search(parts[place - 1]) else _masked_number(part)
        for place, part in enumerate(parts)
    )


def _masked_number(number: str) -> str:
    places = [place for place, sign in enumerate(number) if sign.isdecimal()]
    shown_end = SHOWN_END if len(places) >= SHORTEST else len(places) // 3
    hidden = places[: len(places) - shown_end][-MOST_HIDDEN:]
    return "".join(STAR if place in hidden else sign for place, sign in enumerate(number))


def masked_email(address: str) -> str:
    """The address with the first character of its name and the host: `z***@example.com`."""
    name, at, host = address.partition("@")
    return f"{name[:1]}{STAR * 3}{at}{host}"


def number_found_by(digits: str, number: str) -> bool:
    """Whether the digits are the number's shown end, or a whole number of it.

    Any other part would let its hidden digits be guessed, one after the other.
    """
    wholes = ["".join(filter(str.isdecimal, part)) for part in _PARTS.split(number)[::2]]
    if len(digits) == SHOWN_END:
        return any(len(whole) >= SHORTEST and whole.endswith(digits) for whole in wholes)
    if len(digits) < SHORTEST:
        return False
    typed = re.sub(rf"^{_COUNTRY_CODE}(?=1\d{{10}}$)", "", digits)
    pattern = re.compile(rf"{_COUNTRY_CODE}{_AREA_CODE}{typed}")
    return any(pattern.fullmatch(whole) for whole in wholes)


def whole_number(text: str | None) -> str | None:
    """The text where it is a number too long to be guessed."""
    return text if text and sum(map(str.isdecimal, text)) >= SHORTEST else None


def stands_for(value: str | None, kept: str | None) -> bool:
    """Whether the value is what is kept, or that as lists show it."""
    if not value or not kept:
        return value == kept
    return value in (kept, masked_phone(kept), masked_email(kept))
