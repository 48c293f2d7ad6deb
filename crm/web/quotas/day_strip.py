"""The dates of a figure's period as squares in weeks, each with what happened on it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from crm.base import formatting
from crm.base.value_class import value_class
from crm.quotas.day_marks import DayMark, MarkedDay

# A letter in the square, so that it is read without colours.
LETTERS = {
    DayMark.COUNTED: "计",
    DayMark.PLANNED: "排",
    DayMark.NOT_COUNTED: "未",
    DayMark.ABSENT: "假",
    DayMark.NOT_HELD: "免",
    DayMark.REST: "休",
    DayMark.FREE: "",
    DayMark.EMPTY: "—",
}


@value_class
class DayVisit:
    """A visit of a date: what it is, and why it does not count."""

    title: str
    url: str | None  # none where the visit is not the viewer's to see
    why: str


@value_class
class DaySquare:
    """A date of the period."""

    number: str  # `14`, the first of a month with the month: `11/1`
    name: str  # `11月14日 周六`
    mark: DayMark
    is_today: bool
    visits: tuple[DayVisit, ...]

    @property
    def letter(self) -> str:
        return LETTERS[self.mark]


@value_class
class DayStrip:
    """The weeks of a period from Monday on, and the marks that occur in it."""

    weeks: tuple[tuple[DaySquare | None, ...], ...]  # none: a date of another period
    legend: tuple[tuple[DayMark, str, int], ...]  # with its letter and number of dates


def day_strip(days: Sequence[MarkedDay], visits: Mapping[int, DayVisit], today: date) -> DayStrip:
    """The squares of these dates; `visits` by their ids."""
    squares: list[DaySquare | None] = [None] * days[0].on.weekday()
    squares += (_square(day, visits, today, is_first=day is days[0]) for day in days)
    squares += [None] * (-len(squares) % 7)

    weeks = (tuple(squares[start : start + 7]) for start in range(0, len(squares), 7))
    counts = {mark: sum(day.mark is mark for day in days) for mark in DayMark}
    legend = ((mark, LETTERS[mark], count) for mark, count in counts.items() if count)

    return DayStrip(tuple(weeks), tuple(legend))


def _square(
    day: MarkedDay, visits: Mapping[int, DayVisit], today: date, *, is_first: bool
) -> DaySquare:
    on = day.on
    return DaySquare(
        f"{on.month}/{on.day}" if is_first or on.day == 1 else str(on.day),
        f"{formatting.day(on)} {formatting.weekday(on)}",
        day.mark,
        on == today,
        tuple(_visits(day, visits)),
    )


def _visits(day: MarkedDay, visits: Mapping[int, DayVisit]) -> Iterable[DayVisit]:
    for counted in day.counted:
        visit = visits[counted.visit.id]
        # a stay may count on some of its dates only: its reason is that of the others
        yield DayVisit(visit.title, visit.url, "")
    for part in day.not_counted:
        yield visits[part.visit.id]
