"""The calendar before a viewer: days with visits and absences, and what does not fit (ENTRY 4)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from flask import url_for

from crm.base import clock, formatting
from crm.base.periods import DAY, Period, days
from crm.base.value_class import value_class
from crm.base.workdays import WorkingCalendar
from crm.people.models import Absence
from crm.visits.clashes import Booking, clashes, without_free_half
from crm.visits.redaction import SeenVisit
from crm.visits.rules import Kind, Status
from crm.web.visits.rows import ICONS, names_of, title_of


@value_class
class Entry:
    """A visit on a day."""

    visit_id: int
    url: str
    time: str  # empty on days that it covers whole
    title: str
    about: str  # what and where
    people: str
    icon: str
    tone: str
    first_on: date  # of the visit, from which a move counts
    may_move: bool


@value_class
class DayCell:
    """A day of the calendar."""

    on: date
    label: str
    is_today: bool
    is_rest: bool
    is_outside: bool  # of the month that is shown
    entries: list[Entry]
    absent: list[str]

    @property
    def is_empty(self) -> bool:
        return not (self.entries or self.absent)


@value_class
class Shown:
    """What stands in the calendar."""

    visits: Sequence[SeenVisit]
    absences: Sequence[Absence]  # people loaded
    movable: Collection[int]
    people: Mapping[int, str]  # by name, whose calendar it is
    is_own: bool


def cells(shown: Shown, period: Period, today: date, calendar: WorkingCalendar) -> list[DayCell]:
    """The days of the weeks that hold the period."""
    first, last = whole_weeks(period)
    return [
        DayCell(
            on,
            f"{formatting.day(on)} {formatting.weekday(on)}",
            on == today,
            not calendar.is_workday(on),
            on not in period,
            [
                _entry(visit, on, shown)
                for visit in shown.visits
                if visit.first_on <= on <= visit.last_on
            ],
            [
                _absent(absence, is_own=shown.is_own)
                for absence in shown.absences
                if absence.from_on <= on <= absence.to_on
            ],
        )
        for on in days(first, last)
    ]


def whole_weeks(period: Period) -> tuple[date, date]:
    """From the Monday before the period to the Sunday after it."""
    first = period.first - period.first.weekday() * DAY
    return first, period.last + (6 - period.last.weekday()) * DAY


def _entry(visit: SeenVisit, on: date, shown: Shown) -> Entry:
    people = "、".join(person.name for person in (visit.leader, *visit.participants))
    title, about = names_of(visit)[0], title_of(visit)
    is_whole = visit.kind is Kind.RESIDENCY or visit.first_on < on
    return Entry(
        visit.id,
        url_for("visits.show", visit_id=visit.id),
        "" if is_whole else f"{clock.civil(visit.starts_at):%H:%M}",
        title,
        "" if about == title else about,
        "" if shown.is_own and not visit.participants else people,
        ICONS[visit.kind],
        "planned" if visit.status is Status.PLANNED else "done",
        visit.first_on,
        visit.id in shown.movable,
    )


def _absent(absence: Absence, *, is_own: bool) -> str:
    return absence.kind.label if is_own else f"{absence.person.name} {absence.kind.label}"


def questions(
    shown: Shown, leaders: Collection[int], dates: Sequence[date], *, week: str
) -> list[str]:
    """What does not fit together, each as a question."""
    planned = {visit.id: visit for visit in shown.visits if visit.status is Status.PLANNED}
    bookings = [_booking(visit) for visit in planned.values()]
    names = dict(_named(planned.values())) | dict(shown.people)
    found = []
    for clash in clashes(bookings):
        first, second = planned[clash.first], planned[clash.second]
        both = f"“{names_of(first)[0]}”和“{names_of(second)[0]}”"
        on = formatting.day(max(first.first_on, second.first_on))
        if clash.people:
            who = "、".join(names[person] for person in sorted(clash.people))
            found.append(f"{who}在{on}同时安排了{both}，是否调整？")
        else:
            found.append(f"{on}有两路人员同时约了“{names_of(first)[0]}”，是否合并？")

    absent = {
        person: {
            on
            for absence in shown.absences
            if absence.person_id == person
            for on in days(absence.from_on, absence.to_on)
        }
        for person in leaders
    }
    found += [
        f"{names[person]}{week}已无空余半天，是否调整安排？"
        for person in without_free_half(leaders, dates, bookings, absent)
    ]
    return found


def _named(visits: Iterable[SeenVisit]) -> Iterable[tuple[int, str]]:
    for visit in visits:
        for person in (visit.leader, *visit.participants):
            yield person.id, person.name


def _booking(visit: SeenVisit) -> Booking:
    return Booking(
        visit.id,
        visit.kind,
        visit.city,
        visit.starts_at,
        visit.ends_at,
        frozenset(person.id for person in (visit.leader, *visit.participants)),
        frozenset(lead.id for lead in visit.leads if lead.id),
    )
