"""Telephone numbers and mail addresses as lists show them: enough to recognise, not to use."""

import re

_PARTS = re.compile(r"([/,、;转#]+)")
SHOWN_END = 4  # digits that stay at the end
MOST_HIDDEN = 4  # digits before them
SHORTEST = 7  # digits of a number that has so long an end
EXTENSION = re.compile(r"[转#]")
STAR = "*"


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
