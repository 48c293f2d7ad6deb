"""When a visit of a bureau's table was, from its cells of dates and hours (ENTRY 6). Pure."""

import re
from datetime import date, datetime, timedelta
from functools import lru_cache

from crm.base.clock import at_civil, civil_date, instant_of
from crm.base.errors import Refused
from crm.base.periods import Period, PeriodKind
from crm.base.typed_dates import typed_date, typed_moment
from crm.base.value_class import value_class
from crm.visits.quick_dates import DateFound, dates_in
from crm.visits.quick_text import plain
from crm.visits.quick_times import WHOLE_DAY, Hours, hours_in

_DAYS = re.compile(r"(\d{1,2})[日号]?\s*[-~至到]\s*(\d{1,2})[日号]")
_DAY = re.compile(r"(\d{1,2})[日号]?")
_FRACTION = re.compile(r"0?\.\d+")  # of a day: a time in a cell that shows a number
_SERIAL = re.compile(r"(\d{5})(\.\d+)")  # a date with its time, in a cell that shows a number
_CLOCK = re.compile(r"(\d{1,2}:\d{2}):\d{2}")
_MIDNIGHT = re.compile(r"(?<=\d)[T ]00:00(?::00)?$")  # a date as a spreadsheet keeps it
_WITH_YEAR = re.compile(r"(\d{4})[./](\d{1,2})[./](\d{1,2})(?!\d)")
_WEEKDAY = re.compile(r"(?<=[\d日号])\s*\(?(?:周|星期|礼拜)[一二三四五六日天]\)?")
_JOINT = re.compile(r"[-~至到]")
_NAMES_MONTH = re.compile(r"月|\d\s*[-./]\s*\d")


@value_class
class TitlePeriod:
    """The year and month of the title, which dates without them are of; else the nearest."""

    today: date
    year: int | None = None
    month: int | None = None

    @property
    def of_year(self) -> date:
        """The date to which each month and day of the year is nearer than that of another year."""
        return date(self.year, 7, 2) if self.year else self.today

    @property
    def end_of_month(self) -> date:
        """The date from which a day alone is looked for backwards."""
        if self.year and self.month:
            return Period.holding(PeriodKind.MONTH, date(self.year, self.month, 1)).last
        return self.today

    @property
    def has_month(self) -> bool:
        """Whether a day alone is surely of that month."""
        return bool(self.year and self.month)


@lru_cache(maxsize=8_192)  # the rows of a long table share few dates
def moments(
    day: str, hours: str, title: TitlePeriod, *, starts: str = "", ends: str = ""
) -> tuple[datetime, datetime]:
    """From when to when the visit was; without hours the usual day.

    Refused as `required`, `bad_date`, `day_without_month`, `ends_before_start`; the field is
    `date`, or `starts_at` and `ends_at` where the table has them.
    """
    day, starts, ends = (_cleaned(text) for text in (day, starts, ends))
    if starts:
        return _from_and_to(starts, ends, hours, title)
    if serial := _SERIAL.fullmatch(day):
        day, hours = serial[1], hours or serial[2]
    if not day:
        raise Refused("required", field="date")

    first, last, read = _days(day, title, "date")
    if len(read) > 1:
        joint = read[1].span.start
        return _from_and_to(day[:joint], day[joint:], hours, title, field="date")
    found_hours = _hours(hours, first, []) or (_hours(day, first, read) if read else None)
    return _together(first, last, found_hours)


def _cleaned(text: str) -> str:
    """The text in plain characters, without weekdays, and full dates in one form."""
    text = _MIDNIGHT.sub("", plain(text).strip())
    return _WEEKDAY.sub("", _WITH_YEAR.sub(r"\1-\2-\3", text)).strip()


def one_day(text: str, title: TitlePeriod, field: str) -> date:
    """The date of a cell that holds one; refused as `bad_date`, `day_without_month`."""
    first, last = first_and_last(text, title, field)
    if first != last:
        raise Refused("bad_date", field=field, value=text)
    return first


def first_and_last(text: str, title: TitlePeriod, field: str) -> tuple[date, date]:
    """The dates of a cell that holds one or a range; refused as `one_day` is."""
    first, last, _ = _days(_cleaned(text), title, field)
    return first, last


def _from_and_to(
    starts: str, ends: str, hours: str, title: TitlePeriod, *, field: str = ""
) -> tuple[datetime, datetime]:
    first, _, read = _days(starts, title, field or "starts_at")
    last, of_end = first, list[DateFound]()
    if ends and not _is_clock(ends):
        _, last, of_end = _days(ends, title, field or "ends_at")
    begin = _moment(starts) or _begin(_hours(starts, first, read))
    end = _moment(ends, is_end=True) or _end(_hours(ends, last, of_end), ends)
    if begin is None and end is None:
        return _checked(*_together(first, last, _hours(hours, first, [])), field or "ends_at")
    begin = begin or at_civil(first, WHOLE_DAY[0])
    end = end or max(at_civil(last, WHOLE_DAY[1]), begin + timedelta(hours=1))
    return _checked(begin, end, field or "ends_at")


def _moment(text: str, *, is_end: bool = False) -> datetime | None:
    try:
        return typed_moment(text, is_end=is_end)
    except ValueError:
        return None


def _is_clock(text: str) -> bool:
    return bool(re.fullmatch(r"\d{1,2}[:点时].*|[上下中]午.*|晚上?.*", plain(text).strip()))


def _begin(hours: Hours | None) -> datetime | None:
    return instant_of(hours.starts_at) if hours else None


def _end(hours: Hours | None, text: str) -> datetime | None:
    if hours is None:
        return None
    # a single clock time is the end itself
    return instant_of(
        hours.starts_at if hours.is_end_assumed and _is_clock(text) else hours.ends_at
    )


def _checked(begin: datetime, end: datetime, field: str) -> tuple[datetime, datetime]:
    if end <= begin:
        raise Refused("ends_before_start", field=field)
    return begin, end


def _together(first: date, last: date, hours: Hours | None) -> tuple[datetime, datetime]:
    """The hours on the days: they begin on the first and end on the last."""
    if hours is None:
        return at_civil(first, WHOLE_DAY[0]), at_civil(last, WHOLE_DAY[1])
    begin, end = hours.starts_at, hours.ends_at
    if last > first and end.date() == begin.date():
        end += last - first
    return _checked(instant_of(begin), instant_of(end), "date")


def _days(text: str, title: TitlePeriod, field: str) -> tuple[date, date, list[DateFound]]:
    """The first and the last date of the cell, and where they stand in it."""
    if on := _typed(text):
        return on, on, dates_in(text, on, is_ahead=False)[:1]

    if (days := _DAYS.fullmatch(text)) or (days := _DAY.fullmatch(text)):
        return *_of_title(days, title, field, text), []

    anchor = title.of_year if _NAMES_MONTH.search(text) else title.end_of_month
    found = dates_in(text, anchor, is_ahead=False)
    if not found or found[0].first_on is None or found[0].last_on is None:
        raise Refused("bad_date", field=field, value=text)
    if not _NAMES_MONTH.search(text) and not title.has_month:
        raise Refused("day_without_month", field=field, value=text)
    first, last = found[0].first_on, found[0].last_on
    end = _joined_end(text, found, last) if len(found) > 1 else last
    if end is None:  # 11月3日、5日 are two visits
        raise Refused("bad_date", field=field, value=text)
    return first, end, found


def _joined_end(text: str, found: list[DateFound], last: date) -> date | None:
    """The last date of 11月3日下午至11月4日上午; none where the dates are no range."""
    between = text[found[0].span.end : found[1].span.start]
    other = found[1].last_on
    if len(found) > 2 or other is None or other < last or not _JOINT.search(between):  # noqa: PLR2004
        return None
    return other


def _typed(text: str) -> date | None:
    for read in (typed_date, lambda one: civil_date(typed_moment(one))):
        try:
            return read(text)
        except ValueError:
            continue
    return None


def _of_title(days: re.Match[str], title: TitlePeriod, field: str, text: str) -> tuple[date, date]:
    """3-4日 or 3日 alone, in the month of the title."""
    if not title.has_month:
        raise Refused("day_without_month", field=field, value=text)
    numbers = [int(group) for group in days.groups()]
    try:
        first, last = (title.end_of_month.replace(day=n) for n in (numbers[0], numbers[-1]))
    except ValueError as error:
        raise Refused("bad_date", field=field, value=text) from error
    if last < first:
        raise Refused("bad_date", field=field, value=text)
    return first, last


def _hours(text: str, on: date, dates: list[DateFound]) -> Hours | None:
    """The hours of a text whose dates are known."""
    one_line = plain(text) if dates else plain(text).strip()
    if not one_line:
        return None
    if _FRACTION.fullmatch(one_line):
        minutes = round(float(one_line) * 24 * 60)
        one_line = f"{minutes // 60}:{minutes % 60:02}"
    return hours_in(_CLOCK.sub(r"\1", one_line), on, dates)
