"""Short references of rows, easy to read out and hard to mistake."""

import secrets
from datetime import date

_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # without letters and digits that look alike


def new_ref(prefix: str, on: date, *, letters: int = 6) -> str:
    """A fresh reference: its prefix, the date, and random letters (`V260715-7KQ2MX`)."""
    # one draw, as an import makes a reference for each row
    number, tail = secrets.randbelow(len(_LETTERS) ** letters), ""
    for _ in range(letters):
        number, place = divmod(number, len(_LETTERS))
        tail += _LETTERS[place]
    return f"{prefix}{on:%y%m%d}-{tail}"


def new_row_ref(prefix: str, on: date) -> str:
    """The same for one of many rows, with eight letters.

    Of 100,000 with six letters a day, five would be the same as another on average.
    """
    return new_ref(prefix, on, letters=8)
