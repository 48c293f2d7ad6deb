"""Dates written relative to the scenario's date (seeds/demo/README.md). Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from crm.base.periods import DAY, Period, PeriodKind
from crm.base.workdays import WorkingCalendar

_FORMS = (
    re.compile(r"(?P<days>[+-]?\d+)"),
    re.compile(r"(?P<workdays>[+-]\d+)w"),
    re.compile(r"m(?P<month>[+-]\d+)?:(?P<day>\d+|end)"),
    re.compile(r"week(?P<week>[+-]\d+)?:(?P<weekday>[1-7])"),
)
_SINCE = re.compile(r"(\w+)\+(\d+)")


@dataclass(frozen=True)
class RelativeDates:
    """The scenario's date and the working calendar around it."""

    on: date
    calendar: WorkingCalendar

    def read(self, text: str | int) -> date:
        """The date of `-12`, `+2w`, `m-1:20` or `week:3`; ValueError for other texts."""
        for form in _FORMS:
            if found := form.fullmatch(str(text)):
                return self._resolve(found.groupdict())
        raise ValueError(text)

    def _resolve(self, parts: Mapping[str, str | None]) -> date:
        match parts:
            case {"days": str(n)}:
                return self.on + int(n) * DAY
            case {"workdays": str(n)}:
                return self.workday_from(self.on, int(n))
            case {"day": str(day), "month": month}:
                period = self.month(int(month or 0))
                last = period.last.day
                # the 31st of a shorter month is its last day
                return period.first.replace(day=last if day == "end" else min(int(day), last))
            case {"weekday": str(weekday), "week": week}:
                return self.week(int(week or 0)).first + (int(weekday) - 1) * DAY

        raise ValueError(parts)

    def milestones(self, texts: Mapping[str, str | int]) -> dict[str, date]:
        """Dates of milestones: a working day, or days after another milestone (`following+10`)."""
        dates = {
            name: self.workday_until(self.read(text))
            for name, text in texts.items()
            if not _SINCE.fullmatch(str(text))
        }
        # Second, in the file's order: one may count from another that counts from a third.
        for name, text in texts.items():
            if since := _SINCE.fullmatch(str(text)):
                dates[name] = dates[since[1]] + timedelta(days=int(since[2]))
        return dates

    def workday_until(self, day: date) -> date:
        """The last working day on or before the date."""
        while not self.calendar.is_workday(day):
            day -= DAY
        return day

    def workday_from(self, day: date, n: int) -> date:
        """The n-th working day after the date, or before it where n is negative."""
        if n > 0:
            return self.calendar.nth_workday_after(day, n)
        for _ in range(-n):
            day = self.workday_until(day - DAY)
        return day

    def month(self, n: int) -> Period:
        """The n-th month from the date's own."""
        # counted from year 0, so that no year's end is a special case
        months = self.on.year * 12 + self.on.month - 1 + n
        return Period.holding(PeriodKind.MONTH, date(months // 12, months % 12 + 1, 1))

    def months_before(self, n: int) -> date:
        """The same day of the month n months before, or that month's last."""
        month = self.month(-n)
        return month.first.replace(day=min(self.on.day, month.last.day))

    def week(self, n: int) -> Period:
        """The n-th week from the date's own."""
        return Period.holding(PeriodKind.WEEK, self.on + 7 * n * DAY)
