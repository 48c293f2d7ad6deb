"""Sets of a period's dates as the bits of an integer: bit n is the period's n-th date. Pure.

Everybody's figures are made of such sets. Union, intersection and size of an integer take one step
each, where sets of dates take one for each date.
"""

from collections.abc import Iterable
from datetime import date
from typing import TypeAlias

from crm.base.periods import Period

DateBits: TypeAlias = int


def bits_between(period: Period, first: date, last: date | None) -> DateBits:
    """The period's dates from the first date to the last, both included; `None` has no end."""
    begin = max((first - period.first).days, 0)
    end = (period.last if last is None else min(last, period.last)).toordinal()
    length = end - period.first.toordinal() + 1 - begin
    return ((1 << length) - 1) << begin if length > 0 else 0


def bits_of(period: Period, dates: Iterable[date]) -> DateBits:
    """Those of the dates that are the period's."""
    bits = 0
    for on in dates:
        bits |= bits_between(period, on, on)
    return bits


def dates_of(period: Period, bits: DateBits) -> tuple[date, ...]:
    """The dates, in order."""
    dates, found = period.dates, []
    while bits:
        lowest = bits & -bits
        found.append(dates[lowest.bit_length() - 1])
        bits ^= lowest
    return tuple(found)
