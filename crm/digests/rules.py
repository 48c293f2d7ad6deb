"""What goes into a digest, and until when: decisions on values (REGIME 5)."""

from collections.abc import Iterable
from datetime import date, datetime, time

from crm.base.clock import at_civil, civil_date
from crm.base.periods import DAY, Period, PeriodKind
from crm.base.value_class import value_class
from crm.base.workdays import WorkingCalendar
from crm.leads.rules import ON_LINE, Stage
from crm.quotas.counting import waits_for_logging, waits_for_verdict
from crm.quotas.rules import (
    IN_DANGER,
    WORKDAYS_TO_LOG,
    Figure,
    FigureStatus,
    NotCounted,
    PendingVisits,
    Reason,
)
from crm.visits.rules import Status

SETTLED_AT = time(8)  # REGIME 5: when the settled monthly report is made
EVENING = time(18)  # REGIME 5: morning brief and nudge are of use until then

GOOD = frozenset({FigureStatus.MET, FigureStatus.ON_TRACK})
SHORT = frozenset({FigureStatus.MISSED, *IN_DANGER})
FIXABLE = frozenset({Reason.NOT_DONE, Reason.LOGGED_LATE})  # a person can still make it count
FORWARD = frozenset(ON_LINE) - {Stage.LEAD}


@value_class
class TaskCounts:
    """How many tasks are owed, and how many of them are met or, while they run, on track."""

    good: int
    owing: int
    is_split: bool = True  # False: too few people owe, so `good` is withheld (REGIME 2)

    @property
    def short(self) -> int:
        """How many are missed or at risk; 0 where that number is withheld."""
        return self.owing - self.good if self.is_split else 0


@value_class
class Spans:
    """The periods whose figures a digest shows."""

    ended: tuple[Period, ...]
    running: tuple[Period, ...]

    @property
    def all(self) -> tuple[Period, ...]:
        return self.ended + self.running


def spans(period: Period, on: date) -> Spans:
    """The week or month with all that ends in it, and what is still running on the date."""
    if period.kind is PeriodKind.WEEK:
        longer = (PeriodKind.XUN, PeriodKind.MONTH, PeriodKind.QUARTER, PeriodKind.YEAR)
        return Spans((period,), tuple(Period.holding(kind, on) for kind in longer))

    around = [Period.holding(kind, period.last) for kind in (PeriodKind.QUARTER, PeriodKind.YEAR)]
    within = [*ending_in(period, PeriodKind.WEEK), *ending_in(period, PeriodKind.XUN)]
    ended = [longer for longer in around if longer.last == period.last]
    running = [longer for longer in around if longer.last != period.last]

    return Spans((period, *within, *ended), tuple(running))


def ending_in(month: Period, kind: PeriodKind) -> Iterable[Period]:
    """The periods of that kind whose last date lies in the month."""
    period = Period.holding(kind, month.first)
    while period.last <= month.last:
        yield period
        period = period.after


def evening_of(at: datetime) -> datetime:
    """Until when a morning brief or a nudge of that moment is of use."""
    return at_civil(civil_date(at), EVENING)


def day_of_freeze(calendar: WorkingCalendar, last: date) -> date:
    """The date after the third working day that follows a period ending on `last` (REGIME 4)."""
    return calendar.nth_workday_after(last, WORKDAYS_TO_LOG) + DAY


def day_of_settled_report(calendar: WorkingCalendar, last: date) -> date:
    """The second working day from the freeze of a month ending on `last` (REGIME 5)."""
    return calendar.nth_workday_after(calendar.first_workday_from(day_of_freeze(calendar, last)), 1)


def planned_span(on: date) -> tuple[date, date]:
    """The dates whose plan a digest of that date shows: up to the end of its week."""
    return on, Period.holding(PeriodKind.WEEK, on).last


def excluded(figure: Figure, at: datetime) -> tuple[NotCounted, ...]:
    """The visits that a person would expect to count, those that can still be fixed first.

    Left out are visits that are cancelled, still to come, or whose day counts by another visit.
    """
    if not figure.not_counted:
        return ()
    # as `figure.lost`, for all of them at once
    counted = figure.counted if figure.rule.counts_days else ()
    counted_on = {on for visit in counted for on in visit.dates}
    found = [
        item
        for item in figure.not_counted
        if item.visit.status is not Status.CANCELLED
        and not (item.reason is Reason.NOT_DONE and item.visit.ends_at > at)
        and not counted_on.issuperset(item.dates)
    ]
    return tuple(sorted(found, key=lambda item: item.reason not in FIXABLE))


@value_class
class WaitingVisits:
    """The visits that could still change figures, by id."""

    to_log: frozenset[int] = frozenset()
    to_judge: frozenset[int] = frozenset()


def waiting_visits(figure: Figure, at: datetime) -> WaitingVisits:
    """The visits that could still change the figure."""
    if figure.settled:
        return WaitingVisits()

    # Counted visits too: a stay that has ended counts already, and still waits to be completed.
    visits = {item.visit.id: item.visit for item in figure.counted}
    visits |= {item.visit.id: item.visit for item in figure.not_counted}
    rules, duty = [figure.rule], figure.rule.duty
    return WaitingVisits(
        frozenset(id_ for id_, visit in visits.items() if waits_for_logging(visit, rules, at)),
        frozenset(
            id_
            for id_, visit in visits.items()
            if waits_for_verdict(visit, rules, at, late_by={duty: visit.late_by_days})
        ),
    )


def count_waiting(waiting: Iterable[WaitingVisits]) -> PendingVisits:
    """How many visits wait, each counted once however many figures it bears on."""
    found = list(waiting)
    return PendingVisits(
        len(frozenset().union(*(visits.to_log for visits in found))),
        len(frozenset().union(*(visits.to_judge for visits in found))),
    )


def owes(figure: Figure) -> bool:
    """Whether anything is required."""
    return figure.status is not FigureStatus.EXEMPT


def count_tasks(figures: Iterable[Figure]) -> TaskCounts:
    """Count what is owed among the figures, and how much of it is met or on track."""
    is_good = [figure.status in GOOD for figure in figures if owes(figure)]
    return TaskCounts(sum(is_good), len(is_good))
