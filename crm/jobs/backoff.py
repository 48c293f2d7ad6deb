"""Back-off: how long to wait before a failed attempt is repeated."""

from datetime import timedelta

LONGEST_WAIT = timedelta(hours=1)
_MOST_DOUBLINGS = 10  # keeps the factor small after years of failures


def wait_after(attempts: int, *, first: timedelta) -> timedelta:
    """The wait after that many failed attempts: doubled each time, an hour at most."""
    wait: timedelta = first * 2 ** min(attempts - 1, _MOST_DOUBLINGS)
    return min(wait, LONGEST_WAIT)
