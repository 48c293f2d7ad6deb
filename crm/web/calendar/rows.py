"""A year of the working calendar as its page shows it."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.periods import DAY, Period, PeriodKind
from crm.base.value_class import value_class
from crm.base.workdays import DayKind, Source, WorkingCalendar
from crm.quotas.calendar import overrides
from crm.quotas.models import WorkdayOverride
from crm.quotas.queries import working_calendar

MARKS = {
    Source.OVERRIDE: "手",
    Source.IMPORTED: "导",
    Source.LIBRARY: "国",
    Source.ESTIMATE: "估",
}
WEEK = 7


@value_class
class Cell:
    """A date of a month."""

    on: date
    kind: DayKind
    source: Source
    mark: str  # of the source, where it is not the year's usual one
    description: str


@value_class
class MonthTable:
    """A month by weeks; `None` is a day of another month."""

    period: Period
    workdays: int
    weeks: list[list[Cell | None]]


@value_class
class AdjustedDays:
    """A run of dates that were set by hand in the same way."""

    first: date
    last: date
    is_workday: bool
    note: str


@value_class
class YearPage:
    """A year with its months, sums and sources."""

    year: int
    months: list[MonthTable]
    workdays: int
    usual: Source
    sources: list[tuple[str, Source]]  # beside the usual one, with their marks
    adjusted: list[AdjustedDays]
    estimate: str  # a sentence; empty where no date is estimated


def year_page(db: Session, year: int) -> YearPage:
    calendar = working_calendar(db)
    period = Period.holding(PeriodKind.YEAR, date(year, 1, 1))
    days_by_source = Counter(calendar.on(on).source for on in period.dates)
    usual = days_by_source.most_common(1)[0][0]
    months = [_month(calendar, Period.parse(f"{year}-{n:02}"), usual) for n in range(1, 13)]

    return YearPage(
        year,
        months,
        sum(month.workdays for month in months),
        usual,
        [
            (MARKS[source], source)
            for source in Source
            if source in days_by_source and source is not usual
        ],
        _runs(overrides(db, period.first, period.last)),
        _estimate(calendar, period),
    )


def _month(calendar: WorkingCalendar, month: Period, usual: Source) -> MonthTable:
    # weeks begin on Monday; days of other months are empty cells
    cells: list[Cell | None] = [None] * month.first.weekday()
    cells += [_cell(calendar, on, usual) for on in month.dates]
    cells += [None] * (-len(cells) % WEEK)
    weeks = [cells[begin : begin + WEEK] for begin in range(0, len(cells), WEEK)]
    return MonthTable(month, len(calendar.workdays(month.first, month.last)), weeks)


def _cell(calendar: WorkingCalendar, on: date, usual: Source) -> Cell:
    kind, source = calendar.kind(on), calendar.on(on).source
    mark = "" if source is usual else MARKS[source]
    return Cell(on, kind, source, mark, f"{formatting.day(on)}：{kind.label}，{source.label}")


def _runs(rows: Sequence[WorkdayOverride]) -> list[AdjustedDays]:
    runs: list[AdjustedDays] = []

    for row in rows:
        previous = runs[-1] if runs else None
        setting = (row.is_workday, row.note or "")
        is_next_day = previous is not None and row.on - previous.last == DAY
        if previous and is_next_day and (previous.is_workday, previous.note) == setting:
            runs[-1] = AdjustedDays(previous.first, row.on, *setting)
        else:
            runs.append(AdjustedDays(row.on, row.on, *setting))

    return runs


def _estimate(calendar: WorkingCalendar, year: Period) -> str:
    """That the year is estimated, or its last week, which runs into the next year."""
    if calendar.is_estimated(year):
        return (
            f"{year.name} 年的放假安排尚未公布或导入：工作日暂按周一至周五减去法定节假日推算，"
            "没有调休；相关周期的应完成数可能调整。公布后请导入。"
        )

    # REGIME 4: the last week is judged whole, with its days of the next year
    week = Period.holding(PeriodKind.WEEK, year.last)
    if calendar.is_estimated(week):
        days = formatting.span(week.first, week.last)
        return (
            f"{formatting.period_name(week)}（{days}）跨入下一年，"
            "下一年的放假安排尚未公布或导入，这一周按推算执行。"
        )

    return ""
