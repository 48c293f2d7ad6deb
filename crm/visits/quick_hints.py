"""What a quick entry says of the writer's stays and of the calendar, before it is saved (ENTRY 1).

Pure.
"""

from collections.abc import Callable, Sequence
from datetime import date
from enum import StrEnum

from crm.base.value_class import value_class
from crm.visits.quick_draft import Draft
from crm.visits.rules import MARKED_LATE_AFTER_DAYS, Kind, Status


class HintKind(StrEnum):
    """What the writer is told of."""

    WITHIN_STAY = "within_stay"  # the day counts once
    ELSEWHERE = "elsewhere"  # in another city than the stay of that day; the day counts once
    REST_DAY = "rest_day"
    LATE = "late"  # counts once it is confirmed


@value_class
class Stay:
    """A stay of the person whose days the entry is about."""

    id: int
    first_on: date
    last_on: date
    city: str
    status: Status

    def covers(self, first: date, last: date) -> bool:
        """Whether it covers one of the dates."""
        return self.first_on <= last and first <= self.last_on

    def is_in(self, city: str) -> bool:
        """Whether it is in that city, with or without 市."""
        return self.city.removesuffix("市") == city.removesuffix("市")


@value_class
class Hint:
    """A remark about the draft: on which date, because of which stay, how many days late."""

    kind: HintKind
    on: date
    stay: Stay | None = None
    days: int = 0


def hints_of(
    draft: Draft, stays: Sequence[Stay], today: date, is_workday: Callable[[date], bool]
) -> list[Hint]:
    """The remarks about the draft; none about a date that could not be read."""
    first, last = draft.first_on, draft.last_on
    if first is None or last is None:
        return []
    hints = list[Hint]()

    if draft.kind is Kind.OUTREACH and (stay := _covering(stays, first, last)):
        kind = HintKind.WITHIN_STAY if stay.is_in(draft.city) else HintKind.ELSEWHERE
        hints.append(Hint(kind, first, stay))
    if draft.status is Status.PLANNED and first == last and not is_workday(first):
        hints.append(Hint(HintKind.REST_DAY, first))
    days = (today - last).days
    # of a stay the form asks itself, day by day
    is_late = draft.status is Status.DONE and days > MARKED_LATE_AFTER_DAYS
    if is_late and draft.kind is not Kind.RESIDENCY:
        hints.append(Hint(HintKind.LATE, last, days=days))

    return hints


def stay_in_question(draft: Draft, stays: Sequence[Stay]) -> Stay | None:
    """The stay on the same dates as a new one: in the same city, else one that is planned."""
    if draft.kind is not Kind.RESIDENCY or draft.first_on is None or draft.last_on is None:
        return None
    near = [stay for stay in stays if stay.covers(draft.first_on, draft.last_on)]
    same = [stay for stay in near if stay.is_in(draft.city)]
    planned = [stay for stay in near if stay.status is Status.PLANNED]
    return next(iter([*same, *planned]), None)


def _covering(stays: Sequence[Stay], first: date, last: date) -> Stay | None:
    return next((stay for stay in stays if stay.covers(first, last)), None)
