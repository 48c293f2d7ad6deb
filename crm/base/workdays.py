"""The working calendar: overrides, the State Council's arrangement, else an estimate (REGIME 4)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import chinese_calendar

from crm.base.enums import LabeledEnum
from crm.base.periods import DAY, Period, days
from crm.base.statutory_holidays import holidays_by_year
from crm.base.value_class import value_class

SATURDAY = 5
IN_LIEU = "Day off"  # how the library `holidays` names them


class Source(LabeledEnum):
    """Where a date's entry comes from, the strongest source first."""

    OVERRIDE = "override", "手工调整"
    IMPORTED = "imported", "导入的放假安排"
    LIBRARY = "library", "国务院放假安排"
    ESTIMATE = "estimate", "推算"


class DayKind(LabeledEnum):
    """The kind of a calendar date."""

    WORKDAY = "workday", "工作日"
    REST = "rest", "休息日"
    MAKE_UP = "make_up", "调休上班"
    HOLIDAY = "holiday", "放假"


@value_class
class Workday:
    """Whether a date is a working day, with the source."""

    is_workday: bool
    source: Source


def is_ordinary_workday(on: date) -> bool:
    """Whether it is a Monday to Friday."""
    return on.weekday() < SATURDAY


@cache
def statutory(year: int) -> frozenset[date]:
    """The statutory holidays of the year on their own dates: 13 since 2025, 11 before (REGIME 4).

    Two that fall on one date are one.
    """
    if tabled := holidays_by_year().get(year):
        return tabled
    named = _china()(years=year, observed=False, language="en_US")
    # of years that are arranged it lists the days off in lieu, too
    return frozenset(on for on, name in named.items() if not name.startswith(IN_LIEU))


@cache
def _china() -> Callable[..., Mapping[date, str]]:
    """China in the library `holidays`, whose package loads all countries: 12 MiB instead of 4."""
    import holidays  # noqa: PLC0415 - 6 MiB, for years that the table leaves out

    path = Path(holidays.__file__).parent / "countries" / "china.py"
    spec = spec_from_file_location("china_holidays", path)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(name=str(path))

    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.China  # type: ignore[no-any-return] # loaded by its path


@cache
def _without_overrides(on: date) -> Workday:
    try:
        return Workday(chinese_calendar.is_workday(on), Source.LIBRARY)
    except NotImplementedError:  # the library does not know the year
        is_free = on in statutory(on.year)
        return Workday(is_ordinary_workday(on) and not is_free, Source.ESTIMATE)


@dataclass(frozen=True)
class WorkingCalendar:
    """The zone's working calendar: its tables, else the library, else the estimate."""

    overrides: Mapping[date, Workday] = field(default_factory=dict)

    def on(self, day: date) -> Workday:
        return self.overrides.get(day) or _without_overrides(day)

    def kind(self, day: date) -> DayKind:
        """The kind of the date: a worked weekend is a make-up day, a free weekday a holiday."""
        if self.is_workday(day):
            return DayKind.WORKDAY if is_ordinary_workday(day) else DayKind.MAKE_UP
        is_weekend = not is_ordinary_workday(day) and day not in statutory(day.year)
        return DayKind.REST if is_weekend else DayKind.HOLIDAY

    def is_workday(self, day: date) -> bool:
        return self.on(day).is_workday

    def workdays(self, first: date, last: date) -> list[date]:
        """The working days from the first date to the last, both included."""
        return [day for day in days(first, last) if self.is_workday(day)]

    def first_workday_from(self, day: date) -> date:
        """The first working day on or after the date."""
        while not self.is_workday(day):
            day += DAY
        return day

    def nth_workday_after(self, day: date, n: int) -> date:
        """The n-th working day after the date (n >= 1)."""
        for _ in range(n):
            day = self.first_workday_from(day + DAY)
        return day

    def is_estimated(self, period: Period) -> bool:
        """Whether any date of the period is estimated; screens and mails must say so (REGIME 4)."""
        return any(self.on(day).source is Source.ESTIMATE for day in period.dates)
