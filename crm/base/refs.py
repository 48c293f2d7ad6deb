"""Short references of rows, easy to read out and hard to mistake."""

import secrets
from datetime import date

_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # without letters and digits that look alike


def new_ref(prefix: str, on: date) -> str:
    """A fresh reference: its prefix, the date, and six random letters (`V260715-7KQ2MX`)."""
    tail = "".join(secrets.choice(_LETTERS) for _ in range(6))
    return f"{prefix}{on:%y%m%d}-{tail}"
