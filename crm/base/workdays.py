"""Working days: overrides, the State Council's arrangement, an estimate (REGIME 4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache

import chinese_calendar
import holidays

from crm.base.periods import DAY, Period, days
from crm.base.words import Word


class Source(Word):
    """Where the answer about a date comes from, the strongest first."""

    OVERRIDE = "override", "手工调整"
    IMPORTED = "imported", "导入的放假安排"
    LIBRARY = "library", "国务院放假安排"
    ESTIMATE = "estimate", "推算"


@dataclass(frozen=True, slots=True)
class Workday:
    """Whether a date is a working day, and who says so."""

    is_workday: bool
    source: Source


@cache
def _statutory(year: int) -> frozenset[date]:
    """The 13 statutory dates of the year, none moved (REGIME 4)."""
    return frozenset(holidays.country_holidays("CN", years=year, observed=False))


@cache
def _without_overrides(on: date) -> Workday:
    try:
        return Workday(chinese_calendar.is_workday(on), Source.LIBRARY)
    except NotImplementedError:  # the library does not know the year
        is_free = on in _statutory(on.year)
        return Workday(on.weekday() < 5 and not is_free, Source.ESTIMATE)  # noqa: PLR2004 - Saturday


@dataclass(frozen=True)
class WorkingCalendar:
    """The zone's working calendar: its tables, else the library, else the estimate."""

    overrides: Mapping[date, Workday] = field(default_factory=dict)

    def on(self, day: date) -> Workday:
        """What holds for the date, with its source."""
        return self.overrides.get(day) or _without_overrides(day)

    def is_workday(self, day: date) -> bool:
        """Whether people work on the date."""
        return self.on(day).is_workday

    def workdays(self, first: date, last: date) -> list[date]:
        """The working days from the first date to the last, both included."""
        return [day for day in days(first, last) if self.is_workday(day)]

    def first_from(self, day: date) -> date:
        """The first working day on or after the date."""
        while not self.is_workday(day):
            day += DAY
        return day

    def nth_after(self, day: date, n: int) -> date:
        """The n-th working day after the date (n >= 1)."""
        for _ in range(n):
            day = self.first_from(day + DAY)
        return day

    def is_estimated(self, period: Period) -> bool:
        """Whether any date of the period is estimated, which screens and digests must say."""
        return any(self.on(day).source is Source.ESTIMATE for day in period.dates)
