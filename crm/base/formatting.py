"""Dates, spans, instants and periods as people in the zone write them."""

from datetime import date, datetime, timedelta

from crm.base.clock import civil
from crm.base.periods import Period, PeriodKind

_WEEKDAYS = "一二三四五六日"
_XUN = {"1": "上旬", "2": "中旬", "3": "下旬"}


def day(on: date) -> str:
    """A date without its year: `7月20日`."""
    return f"{on.month}月{on.day}日"


def dated(on: date, today: date) -> str:
    """A date, with its year unless that is this year: `2025年12月31日`."""
    return day(on) if on.year == today.year else f"{on.year}年{day(on)}"


def weekday(on: date) -> str:
    """The day of the week: `周一`."""
    return f"周{_WEEKDAYS[on.weekday()]}"


def full_day(on: date) -> str:
    """A date with all that helps to recognise it: `2026年7月20日 周一`."""
    return f"{on.year}年{day(on)} {weekday(on)}"


def span(first: date, last: date) -> str:
    """The dates from first to last: `7月20日至26日`, `7月27日至8月2日`, or one date alone."""
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{day(first)}至{last.day}日"
    return f"{day(first)}至{day(last)}"


def moment(at: datetime, today: date | None = None) -> str:
    """An instant in civil time: `7月20日 14:00`, with its year unless that is this year."""
    local = civil(at)
    return f"{dated(local.date(), today or local.date())} {local:%H:%M}"


def full_moment(at: datetime) -> str:
    """An instant in civil time with its year: `2026年7月20日 14:00`."""
    local = civil(at)
    return f"{local.year}年{day(local.date())} {local:%H:%M}"


def duration(time: timedelta) -> str:
    """A rough duration: `40 秒`, `5 分钟`, `3 小时`, `2 天`."""
    seconds = int(time.total_seconds())
    # days only from two on: `30 小时` says more than `1 天`
    for least, unit, name in ((2 * 86400, 86400, "天"), (3600, 3600, "小时"), (60, 60, "分钟")):
        if seconds >= least:
            return f"{seconds // unit} {name}"
    return f"{seconds} 秒"


def period_name(period: Period) -> str:
    """A period's name: `2026年第30周`, `2026年7月上旬`, `2026年7月`, `2026年第三季度`, `2026年`."""
    year = period.first.year

    match period.kind:
        case PeriodKind.WEEK:
            # the ISO year: the week of 29 December 2025 is the first of 2026
            year, week, _ = period.first.isocalendar()
            return f"{year}年第{week}周"
        case PeriodKind.XUN:
            return f"{year}年{period.first.month}月{_XUN[period.name[-1]]}"
        case PeriodKind.MONTH:
            return f"{year}年{period.first.month}月"
        case PeriodKind.QUARTER:
            return f"{year}年第{'一二三四'[(period.first.month - 1) // 3]}季度"
        case PeriodKind.YEAR:
            return f"{year}年"


def period_short(period: Period) -> str:
    """A period's name without its year: `第30周`, `7月`; of a year, the year itself."""
    return period_name(period).split("年", 1)[1] or period_name(period)
