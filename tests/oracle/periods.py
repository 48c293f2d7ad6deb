"""Civil dates and periods, found by looking at each date."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from functools import cache

CIVIL = timezone(timedelta(hours=8))  # Asia/Shanghai has had no summer time since 1991
DAY = timedelta(days=1)


def civil_date(instant: datetime) -> date:
    """The date on a clock in Shanghai."""
    return instant.astimezone(CIVIL).date()


def period_kind(period: str) -> str:
    """week, xun, month, quarter or year, derived from how the period is written."""
    for mark, kind in (("-W", "week"), ("-X", "xun"), ("-Q", "quarter"), ("-", "month")):
        if mark in period:
            return kind
    return "year"


def period_of(kind: str, on: date) -> str:
    """The period of that kind that holds a date, as it is written."""
    if kind == "week":
        year, week, _ = on.isocalendar()
        return f"{year}-W{week:02}"
    if kind == "xun":
        return f"{on.year}-{on.month:02}-X{1 if on.day <= 10 else 2 if on.day <= 20 else 3}"
    if kind == "month":
        return f"{on.year}-{on.month:02}"
    if kind == "quarter":
        return f"{on.year}-Q{(on.month + 2) // 3}"
    return f"{on.year}"


@cache
def period_dates(period: str) -> list[date]:
    """Every date of the period: those near its year whose own period is this one."""
    kind, year = period_kind(period), int(period[:4])
    on, dates = date(year - 1, 12, 25), []
    while on <= date(year + 1, 1, 7):
        if period_of(kind, on) == period:
            dates.append(on)
        on += DAY
    return dates
