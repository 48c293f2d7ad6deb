"""Periods of the quota rules: ISO weeks, xun (旬, ten days), months, quarters, years (REGIME 4)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Self

from crm.base.enums import LabeledEnum

DAY = timedelta(days=1)


class PeriodKind(LabeledEnum):
    """How long a period is."""

    WEEK = "week", "周"
    XUN = "xun", "旬"
    MONTH = "month", "月"
    QUARTER = "quarter", "季度"
    YEAR = "year", "年"


_NAMES = {
    PeriodKind.WEEK: re.compile(r"(\d{4})-W(\d\d)"),
    PeriodKind.XUN: re.compile(r"(\d{4})-(\d\d)-X([123])"),
    PeriodKind.MONTH: re.compile(r"(\d{4})-(\d\d)"),
    PeriodKind.QUARTER: re.compile(r"(\d{4})-Q([1-4])"),
    PeriodKind.YEAR: re.compile(r"(\d{4})"),
}


# The same names as patterns of SQL LIKE, in which `_` is any one character.
_NAME_PATTERNS = {
    PeriodKind.WEEK: ("____-W__",),
    PeriodKind.XUN: ("____-__-X_",),
    PeriodKind.MONTH: ("____-0_", "____-1_"),
    PeriodKind.QUARTER: ("____-Q_",),
    PeriodKind.YEAR: ("____",),
}
# From a first date, this many days on lies in the next period, whatever its length.
LONGEST_PERIOD_DAYS = {
    PeriodKind.WEEK: 7,
    PeriodKind.XUN: 11,
    PeriodKind.MONTH: 31,
    PeriodKind.QUARTER: 92,
    PeriodKind.YEAR: 366,
}


@dataclass(frozen=True, order=True)
class Period:
    """A span of civil dates, both included, with a name: `2026-W30`, `2026-07-X1`, `2026-Q3`."""

    first: date
    last: date
    kind: PeriodKind
    name: str

    @classmethod
    def parse(cls, name: str) -> Self:
        """The period of that name; ValueError where it names none."""
        for kind, name_form in _NAMES.items():
            if found := name_form.fullmatch(name):
                try:
                    first = _first_date(kind, [int(part) for part in found.groups()])
                    return cls.holding(kind, first)
                except OverflowError:  # the end of the calendar
                    break
        raise ValueError(name)

    @classmethod
    def holding(cls, kind: PeriodKind, on: date) -> Self:
        """The period of that kind that contains the date."""
        first, name = _start(kind, on)
        return cls(
            first, _start(kind, first + LONGEST_PERIOD_DAYS[kind] * DAY)[0] - DAY, kind, name
        )

    @cached_property
    def dates(self) -> tuple[date, ...]:
        return tuple(self.first + n * DAY for n in range((self.last - self.first).days + 1))

    @property
    def before(self) -> Self:
        """The period of the same kind that ends the day before."""
        return self.holding(self.kind, self.first - DAY)

    @property
    def after(self) -> Self:
        """The period of the same kind that begins the day after."""
        return self.holding(self.kind, self.last + DAY)

    def __contains__(self, on: date) -> bool:
        return self.first <= on <= self.last

    def __str__(self) -> str:
        return self.name


def _first_date(kind: PeriodKind, parts: list[int]) -> date:
    year, *rest = parts

    match kind:
        case PeriodKind.WEEK:
            return date.fromisocalendar(year, rest[0], 1)
        case PeriodKind.XUN:
            return date(year, rest[0], 10 * rest[1] - 9)
        case PeriodKind.MONTH:
            return date(year, rest[0], 1)
        case PeriodKind.QUARTER:
            return date(year, 3 * rest[0] - 2, 1)
        case PeriodKind.YEAR:
            return date(year, 1, 1)


def _start(kind: PeriodKind, on: date) -> tuple[date, str]:
    match kind:
        case PeriodKind.WEEK:
            year, week, weekday = on.isocalendar()
            return on - (weekday - 1) * DAY, f"{year}-W{week:02}"
        case PeriodKind.XUN:
            xun = min((on.day - 1) // 10, 2)
            return on.replace(day=10 * xun + 1), f"{on:%Y-%m}-X{xun + 1}"
        case PeriodKind.MONTH:
            return on.replace(day=1), f"{on:%Y-%m}"
        case PeriodKind.QUARTER:
            quarter = (on.month - 1) // 3
            return on.replace(month=3 * quarter + 1, day=1), f"{on.year}-Q{quarter + 1}"
        case PeriodKind.YEAR:
            return on.replace(month=1, day=1), f"{on.year}"


def name_patterns(kind: PeriodKind) -> tuple[str, ...]:
    """Patterns of SQL LIKE that together match the names of that kind and no others."""
    return _NAME_PATTERNS[kind]


def days(first: date, last: date) -> Iterator[date]:
    """Each civil date from the first to the last, both included."""
    for n in range((last - first).days + 1):
        yield first + n * DAY
