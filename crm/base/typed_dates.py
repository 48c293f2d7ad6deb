"""Dates and times as people type them; what could mean two things is refused."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from crm.base.clock import at_civil, parse_instant
from crm.base.typed_text import half_width

YEARS = range(1950, 2101)  # any other year is a typing mistake
_DATE = re.compile(
    r"(\d{4}) ?[-/.年] ?(\d{1,2}) ?[-/.月] ?(\d{1,2})(?: ?[日号]|(?=\D|$)) ?(T?\d.*|[^\dT].*|)"
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})()")
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
_DAY_ZERO = date(1899, 12, 30)  # spreadsheets count days from here
_ISO = re.compile(r"T?([01]?\d|2[0-3])(:\d{2}(?::\d{2}(?:\.\d+)?)?)")
_WITH_OFFSET = re.compile(
    r"T\d{2}:\d{2}.*(?:Z|[+-]\d{2}:?\d{2})"
)  # without T, 9:30-11:00 is a span
_COLLOQUIAL = re.compile(
    r"(?P<word>[^\d ]*) ?(?P<hour>\d{1,2}) ?"
    r"(?:(?::|[时点] ?)(?P<minute>\d{1,2})(?:(?::|分 ?)(?P<second>\d{1,2})秒?|分)?"
    r"|[时点](?P<half>半)?整?)"
    r"(?: ?(?P<after>[AaPp][Mm]))?"
)
_END_OF_DAY = re.compile(r"T?24(?:[:时点]0{0,2}(?::00)?分?整?)")


def _hours(*spans: tuple[range, int]) -> Mapping[int, int]:
    return {hour: hour + shift for span, shift in spans for hour in span}


# Which hours people write after each word, and the hour of the day they mean. Others are ambiguous.
_HOURS = {
    "": _hours((range(24), 0)),
    "凌晨": _hours((range(7), 0), (range(12, 13), -12)),
    "早上": _hours((range(4, 12), 0)),
    "上午": _hours((range(12), 0)),
    "中午": _hours((range(11, 13), 0), (range(1, 3), 12)),
    "下午": _hours((range(12, 19), 0), (range(1, 8), 12)),
    "傍晚": _hours((range(16, 20), 0), (range(4, 8), 12)),
    "晚上": _hours((range(17, 24), 0), (range(5, 12), 12)),
    "am": _hours((range(12), 0), (range(12, 13), -12)),
    "pm": _hours((range(12, 24), 0), (range(1, 12), 12)),
}


class YearOutOfRangeError(ValueError):
    """The year is outside `YEARS`."""


class NoSuchDateError(ValueError):
    """The month has no such day."""


class NoTimeError(ValueError):
    """A date without a time where an instant is needed: taking 00:00 would be a guess."""


def typed_date(text: str) -> date:
    """The civil date; raises ValueError, also for a time of day other than 00:00."""
    on, rest = _parts(half_width(text))
    if rest and _instant(on, rest) != at_civil(on):
        raise ValueError(text)
    return on


def typed_moment(text: str, *, is_end: bool = False) -> datetime:
    """The instant, in civil time unless the text has an offset; raises ValueError.

    Only an end may be 24:00, which is the first instant of the next day.
    """
    on, rest = _parts(half_width(text))
    if not rest:
        raise NoTimeError(text)
    if is_end and _END_OF_DAY.fullmatch(rest):
        return at_civil(on + timedelta(days=1))
    return _instant(on, rest)


def _parts(text: str) -> tuple[date, str]:
    """Split the text into its date and its time of day, which may be empty."""
    if _SERIAL.fullmatch(text):
        return _of_serial(float(text))

    found = _COMPACT.fullmatch(text) or _DATE.fullmatch(text)
    if not found:
        raise ValueError(text)

    year, month, day = (int(part) for part in found.groups()[:3])
    if year not in YEARS:
        raise YearOutOfRangeError(text)

    try:
        return date(year, month, day), found[4] or ""
    except ValueError as error:
        raise NoSuchDateError(text) from error


def _of_serial(days: float) -> tuple[date, str]:
    """The date and time of a spreadsheet's day number, rounded: its times are a little off."""
    seconds = round(days * timedelta(days=1).total_seconds())
    moment = datetime.combine(_DAY_ZERO, time()) + timedelta(seconds=seconds)
    if moment.year not in YEARS:
        raise YearOutOfRangeError(days)
    return moment.date(), moment.time().isoformat() if days % 1 else ""


def _instant(on: date, rest: str) -> datetime:
    if _WITH_OFFSET.fullmatch(rest):
        return parse_instant(f"{on}{rest}")
    if iso := _ISO.fullmatch(rest):
        return parse_instant(f"{on}T{iso[1]:0>2}{iso[2]}")

    found = _COLLOQUIAL.fullmatch(rest)
    word = (found["word"] or found["after"] or "").lower() if found else ""
    hours = _HOURS.get("晚上" if word == "晚" else word, {})
    if not found or (found["word"] and found["after"]) or int(found["hour"]) not in hours:
        raise ValueError(rest)

    minute = 30 if found["half"] else int(found["minute"] or 0)
    return at_civil(on, time(hours[int(found["hour"])], minute, int(found["second"] or 0)))
