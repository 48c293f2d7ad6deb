"""What each date of a period is to a figure: counted, planned, free and so on (REGIME 4). Pure."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime

from crm.base import clock
from crm.base.enums import LabeledEnum
from crm.base.value_class import value_class
from crm.quotas.counting import is_entered_late, verdict_at
from crm.quotas.rules import Counted, Figure, NotCounted, Reason
from crm.visits.rules import Status, Verdict


class DayMark(LabeledEnum):
    """What a date is to a figure; the first that applies, in this order."""

    COUNTED = "counted", "计入"
    PLANNED = "planned", "已排计划"
    NOT_COUNTED = "uncounted", "未计入"
    ABSENT = "absent", "请假"
    NOT_HELD = "not_held", "不任此职"
    REST = "rest", "休息日"
    FREE = "free", "可安排"
    EMPTY = "empty", "无拜访"


@value_class
class Presence:
    """The dates of a period that say whether a person could have been out."""

    held: Collection[date]
    absent: Collection[date]
    workdays: Collection[date]
    as_of: datetime

    @property
    def today(self) -> date:
        return clock.civil_date(self.as_of)


@value_class
class MarkedDay:
    """A date with the visits that count on it, and those that do not."""

    on: date
    mark: DayMark
    counted: tuple[Counted, ...]
    not_counted: tuple[NotCounted, ...]


def marked_days(figure: Figure, presence: Presence) -> list[MarkedDay]:
    """Each date of the period; the figure must have been read with its explanation."""
    marked = []

    for on in figure.period.dates:
        counted = tuple(part for part in figure.counted if on in part.dates)
        others = tuple(part for part in figure.not_counted if on in part.dates)
        mark = DayMark.COUNTED if counted else _mark(figure, on, others, presence)
        marked.append(MarkedDay(on, mark, counted, others))

    return marked


def _mark(figure: Figure, on: date, others: Sequence[NotCounted], presence: Presence) -> DayMark:
    is_present = on in presence.held and on not in presence.absent
    is_planned = is_present and any(_is_planned(figure, part, presence.as_of) for part in others)

    for applies, mark in (
        (is_planned, DayMark.PLANNED),
        (_may_have_counted(others), DayMark.NOT_COUNTED),
        (on in presence.absent and on in presence.held, DayMark.ABSENT),
        (on not in presence.held, DayMark.NOT_HELD),
        (on not in presence.workdays, DayMark.REST),
        (on >= presence.today and not figure.settled, DayMark.FREE),
    ):
        if applies:
            return mark
    return DayMark.EMPTY


def _is_planned(figure: Figure, part: NotCounted, as_of: datetime) -> bool:
    """Whether the visit would count if it were set done in time."""
    visit, rule = part.visit, figure.rule
    verdict = verdict_at(visit, as_of)
    return (
        part.reason is Reason.NOT_DONE
        and visit.status is not Status.CANCELLED
        and verdict is not Verdict.REJECTED
        and figure.settled is None
        and clock.civil_date(as_of) <= rule.last_date_to_log(visit.last_on)
        and (verdict is not None or not is_entered_late(visit, rule, visit.late_by_days))
    )


def _may_have_counted(others: Iterable[NotCounted]) -> bool:
    """Whether something happened, or was to happen, on the date."""
    return any(part.visit.status is not Status.CANCELLED for part in others)
