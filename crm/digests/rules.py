"""What goes into a digest and who is told what: decisions on values (REGIME 5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time

from crm.base.clock import at_civil, civil_date
from crm.base.periods import DAY, Period, PeriodKind
from crm.base.workdays import WorkingCalendar
from crm.leads.rules import ON_LINE, MilestoneKind
from crm.quotas.counting import waits_for_logging, waits_for_verdict
from crm.quotas.rules import WORKDAYS_TO_LOG, Figure, FigureStatus, NotCounted, Reason
from crm.visits.rules import Status

SETTLED_AT = time(8)  # REGIME 5: when the settled monthly report is made
EVENING = time(18)  # REGIME 5: brief and nudge are of use until then
GOOD = frozenset({FigureStatus.MET, FigureStatus.ON_TRACK})
SHORT = frozenset({FigureStatus.MISSED, FigureStatus.UNREACHABLE, FigureStatus.AT_RISK})
NUDGED = frozenset({FigureStatus.AT_RISK, FigureStatus.UNREACHABLE})
MENDABLE = frozenset({Reason.NOT_DONE, Reason.LOGGED_LATE})
FORWARD = frozenset(ON_LINE) - {MilestoneKind.LEAD}


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many visits could still change the figures: not logged yet, or without a verdict."""

    to_log: int
    to_judge: int


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """How many tasks are owed, and how many of them are met or, while they run, on track."""

    good: int
    owing: int
    is_split: bool = True  # else too few people owe for this reader to have the numbers

    @property
    def short(self) -> int:
        """How many are missed or at risk; none where the reader may not have that number."""
        return self.owing - self.good if self.is_split else 0


@dataclass(frozen=True, slots=True)
class Spans:
    """The periods of which a digest tells figures."""

    ended: tuple[Period, ...]
    running: tuple[Period, ...]

    @property
    def all(self) -> tuple[Period, ...]:
        """Both."""
        return self.ended + self.running


def spans(period: Period, on: date) -> Spans:
    """The week or month with all that ends in it, and what is still running on the date."""
    if period.kind is PeriodKind.WEEK:
        longer = (PeriodKind.XUN, PeriodKind.MONTH, PeriodKind.QUARTER, PeriodKind.YEAR)
        return Spans((period,), tuple(Period.holding(kind, on) for kind in longer))
    around = [Period.holding(kind, period.last) for kind in (PeriodKind.QUARTER, PeriodKind.YEAR)]
    within = [*ending_in(period, PeriodKind.WEEK), *ending_in(period, PeriodKind.XUN)]
    return Spans(
        (period, *within, *(one for one in around if one.last == period.last)),
        tuple(one for one in around if one.last != period.last),
    )


def ending_in(month: Period, kind: PeriodKind) -> Iterable[Period]:
    """The periods of that kind whose last date lies in the month."""
    one = Period.holding(kind, month.first)
    while one.last <= month.last:
        yield one
        one = one.after


def evening_of(at: datetime) -> datetime:
    """Until when a brief or a nudge of that moment is of use."""
    return at_civil(civil_date(at), EVENING)


def day_of_freeze(calendar: WorkingCalendar, last: date) -> date:
    """The date after the third working day that follows the period of that last date (REGIME 4)."""
    return calendar.nth_workday_after(last, WORKDAYS_TO_LOG) + DAY


def day_of_settled_report(calendar: WorkingCalendar, last: date) -> date:
    """The second working day from the freeze of the month of that last date (REGIME 5)."""
    return calendar.nth_workday_after(calendar.first_workday_from(day_of_freeze(calendar, last)), 1)


def planned_span(on: date) -> tuple[date, date]:
    """The dates whose plan a digest made on that date shows: to the end of its week."""
    return on, Period.holding(PeriodKind.WEEK, on).last


def excluded(figure: Figure, at: datetime) -> tuple[NotCounted, ...]:
    """What a person would wonder about, first what can still be mended.

    Not what is cancelled, still to come, or counts by another visit.
    """
    told = [
        one
        for one in figure.not_counted
        if one.visit.status is not Status.CANCELLED
        and not (one.reason is Reason.NOT_DONE and one.visit.ends_at > at)
        # such a day is not lost: it counts by another visit
        and figure.lost(one)
    ]
    return tuple(sorted(told, key=lambda one: one.reason not in MENDABLE))


def waiting(figures: Iterable[Figure], at: datetime) -> Waiting:
    """The visits that could still change these figures, each once."""
    to_log, to_judge = set(), set()

    for figure in figures:
        if figure.settled:
            continue  # nothing can change it any more
        # a stay that has ended counts already, and still waits
        counted = [one.visit for one in figure.counted]
        for visit in [*counted, *(one.visit for one in figure.not_counted)]:
            late_by = {figure.rule.duty: visit.late_by_days}
            if waits_for_logging(visit, [figure.rule], at):
                to_log.add(visit.id)
            if waits_for_verdict(visit, [figure.rule], at, late_by=late_by):
                to_judge.add(visit.id)

    return Waiting(len(to_log), len(to_judge))


def owes(figure: Figure) -> bool:
    """Whether anything is required."""
    return figure.status is not FigureStatus.EXEMPT


def count_tasks(figures: Iterable[Figure]) -> TaskCounts:
    """The tasks among the figures; what has ended is never on track."""
    owed = [one.status in GOOD for one in figures if owes(one)]
    return TaskCounts(sum(owed), len(owed))
