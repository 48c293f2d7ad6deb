"""A year of the working calendar as its page shows it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.periods import DAY, Period, PeriodKind
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


@dataclass(frozen=True, slots=True)
class Cell:
    """A date of a month."""

    on: date
    kind: DayKind
    source: Source
    mark: str  # of the source, where it is not the year's usual one
    told: str  # everything in words


@dataclass(frozen=True, slots=True)
class MonthTable:
    """A month, a row a week; none where a week's day lies in another month."""

    period: Period
    workdays: int
    weeks: list[list[Cell | None]]


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Neighbouring dates that were set by hand alike."""

    first: date
    last: date
    is_workday: bool
    note: str


@dataclass(frozen=True, slots=True)
class YearPage:
    """What the page of a year needs."""

    year: int
    months: list[MonthTable]
    workdays: int
    usual: Source
    sources: list[tuple[str, Source]]  # beside the usual one, with their marks
    adjusted: list[Adjusted]
    estimate: str  # a sentence, where dates are estimated


def year_of(db: Session, year: int) -> YearPage:
    """The year with its dates, sums and sources."""
    calendar = working_calendar(db)
    whole = Period.holding(PeriodKind.YEAR, date(year, 1, 1))
    counted = Counter(calendar.on(on).source for on in whole.dates)
    usual = counted.most_common(1)[0][0]
    months = [_month(calendar, Period.parse(f"{year}-{n:02}"), usual) for n in range(1, 13)]

    return YearPage(
        year,
        months,
        sum(month.workdays for month in months),
        usual,
        [(MARKS[each], each) for each in Source if each in counted and each is not usual],
        _adjusted(overrides(db, whole.first, whole.last)),
        _estimate(calendar, whole),
    )


def _month(calendar: WorkingCalendar, month: Period, usual: Source) -> MonthTable:
    cells: list[Cell | None] = [None] * month.first.weekday()
    cells += [_cell(calendar, on, usual) for on in month.dates]
    cells += [None] * (-len(cells) % WEEK)
    weeks = [cells[begin : begin + WEEK] for begin in range(0, len(cells), WEEK)]
    return MonthTable(month, len(calendar.workdays(month.first, month.last)), weeks)


def _cell(calendar: WorkingCalendar, on: date, usual: Source) -> Cell:
    kind, source = calendar.kind(on), calendar.on(on).source
    mark = "" if source is usual else MARKS[source]
    return Cell(on, kind, source, mark, f"{formatting.day(on)}：{kind.label}，{source.label}")


def _adjusted(rows: Sequence[WorkdayOverride]) -> list[Adjusted]:
    found: list[Adjusted] = []
    for row in rows:
        last = found[-1] if found else None
        same = (row.is_workday, row.note or "")
        if last and row.on - last.last == DAY and (last.is_workday, last.note) == same:
            found[-1] = Adjusted(last.first, row.on, *same)
        else:
            found.append(Adjusted(row.on, row.on, *same))
    return found


def _estimate(calendar: WorkingCalendar, year: Period) -> str:
    """That dates are estimated: of the year, or of its last week, which runs into the next."""
    if calendar.is_estimated(year):
        return (
            f"{year.name} 年的放假安排尚未公布或录入：工作日暂按周一至周五减去法定节假日推算，"
            "没有调休；相关周期的应完成数可能调整。公布后请导入。"
        )

    week = Period.holding(PeriodKind.WEEK, year.last)
    if calendar.is_estimated(week):
        days = formatting.span(week.first, week.last)
        return (
            f"{formatting.period_name(week)}（{days}）跨入下一年，"
            "下一年的放假安排尚未公布或录入，这一周按推算执行。"
        )

    return ""
