"""Statutory holidays of years for which the State Council has arranged nothing yet (REGIME 4).

An extract of the library `holidays`, which takes 6 MiB of each server once a year to come is looked
at; a test compares them.
"""

from collections.abc import Iterator
from datetime import date
from functools import cache

from crm.base.periods import DAY

FIXED = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
SPRING_DAYS = range(-1, 3)  # the festival, its eve, and two days after it
# The year; Spring Festival, Qingming, Dragon Boat and Mid-Autumn Festival.
MOVING = """
2027 02-06 04-05 06-09 09-15
2028 01-26 04-04 05-28 10-03
2029 02-13 04-04 06-16 09-22
2030 02-03 04-05 06-05 09-12
2031 01-23 04-05 06-24 10-01
2032 02-11 04-04 06-12 09-19
2033 01-31 04-04 06-01 09-08
2034 02-19 04-05 06-20 09-27
2035 02-08 04-05 06-10 09-16
2036 01-28 04-04 05-30 10-04
2037 02-15 04-04 06-18 09-24
2038 02-04 04-05 06-07 09-13
2039 01-24 04-05 05-27 10-02
2040 02-12 04-04 06-14 09-20
2041 02-01 04-04 06-03 09-10
2042 01-22 04-04 06-22 09-28
2043 02-10 04-05 06-11 09-17
2044 01-30 04-04 05-31 10-05
2045 02-17 04-04 06-19 09-25
2046 02-06 04-04 06-08 09-15
2047 01-26 04-05 05-29 10-04
2048 02-14 04-04 06-15 09-22
2049 02-02 04-04 06-04 09-11
2050 01-23 04-04 06-23 09-30
2051 02-11 04-05 06-13 09-19
2052 02-01 04-04 06-01 09-07
2053 02-19 04-04 06-20 09-26
2054 02-08 04-04 06-10 09-16
2055 01-28 04-05 05-30 10-05
2056 02-15 04-04 06-17 09-24
2057 02-04 04-04 06-06 09-13
2058 01-24 04-04 06-25 10-02
2059 02-12 04-05 06-14 09-21
2060 02-02 04-04 06-03 09-09
"""


@cache
def holidays_by_year() -> dict[int, frozenset[date]]:
    """The holidays of each year of the table."""
    rows = (line.split() for line in MOVING.split("\n") if line)
    return {int(year): frozenset(_holidays(int(year), days)) for year, *days in rows}


def _holidays(year: int, days: list[str]) -> Iterator[date]:
    spring, *others = (date.fromisoformat(f"{year}-{day}") for day in days)
    yield from (date(year, month, day) for month, day in FIXED)
    yield from (spring + number * DAY for number in SPRING_DAYS)
    yield from others
