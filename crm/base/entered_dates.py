"""Dates and times as people enter them in a field, where today says what is left out."""

import re
from datetime import date, time, timedelta

from crm.base.clock import civil
from crm.base.periods import DAY
from crm.base.typed_dates import NoSuchDateError, typed_date, typed_moment
from crm.base.typed_text import half_width

_WORDS = {
    "大前天": -3,
    "前天": -2,
    "昨天": -1,
    "昨日": -1,
    "今天": 0,
    "今日": 0,
    "明天": 1,
    "明日": 1,
    "后天": 2,
    "大后天": 3,
}
_WEEK = timedelta(weeks=1)
_WEEKS = {"上": -_WEEK, "本": timedelta(0), "这": timedelta(0), "下": _WEEK}
_WEEKDAY = re.compile(r"([上本这下]?)个?(?:周|星期|礼拜)([一二三四五六日天])")
# what our own fields show after a date; it may be left from the date that was there before
_SHOWN_WEEKDAY = re.compile(r"(?<=[\d日号]) ?\(?(?:周|星期)[一二三四五六日天]\)?$")
_FULL = re.compile(r"\d{4} ?[-/.年].*|\d{8}")
_MONTH_AND_DAY = re.compile(r"(\d{1,2}) ?[-/.月] ?(\d{1,2}) ?[日号]?|(\d{2})(\d{2})")
_DAY = re.compile(r"(\d{1,2}) ?[日号]")
_DIGITS = re.compile(r"(\d{1,2})(\d{2})?")
_AFTERNOON = re.compile(r"[1-6] ?[点时].*")
_LONGEST_SEARCH = 8  # years: 29 February may be as far away


def entered_date(text: str, today: date, *, is_ahead: bool = False) -> date:
    """The date nearest to what was entered; raises ValueError.

    A weekday or a day of the month alone is the latest one not after today; where the field is of
    what is planned (`is_ahead`), the next one.
    """
    text = _SHOWN_WEEKDAY.sub("", half_width(text))

    if text in _WORDS:
        return today + _WORDS[text] * DAY
    if found := _WEEKDAY.fullmatch(text):
        return _of_week(found[1], weekday_of(found[2]), today, is_ahead=is_ahead)
    if _FULL.fullmatch(text):
        return typed_date(text)
    if found := _MONTH_AND_DAY.fullmatch(text):
        return _nearest(int(found[1] or found[3]), int(found[2] or found[4]), today)
    if found := _DAY.fullmatch(text):
        return _of_month(int(found[1]), today, is_ahead=is_ahead)

    raise ValueError(text)


def weekday_of(name: str) -> int:
    """The weekday of 一 to 日 or 天, Monday 0."""
    return "一二三四五六日".index(name.replace("天", "日"))


def _of_week(week: str, weekday: int, today: date, *, is_ahead: bool) -> date:
    monday = today - today.weekday() * DAY
    on = monday + weekday * DAY
    if week:
        return on + _WEEKS[week]
    if is_ahead:
        return on if on >= today else on + _WEEK
    return on if on <= today else on - _WEEK


def _nearest(month: int, day: int, today: date) -> date:
    years = range(today.year - _LONGEST_SEARCH, today.year + _LONGEST_SEARCH + 1)
    dates = [on for year in years if (on := _date(year, month, day))]
    if not dates:
        raise NoSuchDateError(month, day)
    return min(dates, key=lambda on: abs(on - today))


def _of_month(day: int, today: date, *, is_ahead: bool) -> date:
    step = 1 if is_ahead else -1
    months = [divmod(today.year * 12 + today.month - 1 + step * number, 12) for number in range(3)]
    for year, month in months:
        on = _date(year, month + 1, day)
        if on and (on >= today if is_ahead else on <= today):
            return on
    raise NoSuchDateError(day)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def entered_time(text: str) -> time:
    """The time of day, 24:00 as 00:00; raises ValueError."""
    text = half_width(text)
    if found := _DIGITS.fullmatch(text):
        text = f"{found[1]}:{found[2] or '00'}"
    elif _AFTERNOON.fullmatch(text):  # 2点半; at night nobody visits
        text = f"下午{text}"
    return civil(typed_moment(f"2000-01-01 {text}", is_end=True)).time()
