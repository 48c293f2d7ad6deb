"""Plans that do not fit together: told as questions, never refused (ENTRY 4). Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from itertools import combinations

from crm.base.clock import at_civil
from crm.base.value_class import value_class
from crm.visits.rules import Kind

# what a half-day of a leader is kept for
HALVES = ((time(8, 30), time(12)), (time(13, 30), time(18)))


@value_class
class Booking:
    """A planned visit as far as it takes the time of people."""

    visit_id: int
    kind: Kind
    city: str
    starts_at: datetime
    ends_at: datetime
    people: frozenset[int]
    leads: frozenset[int]  # those that the viewer sees

    def overlaps(self, other: "Booking") -> bool:
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


@value_class
class Clash:
    """Two plans at once: of one person, or of different people at one lead."""

    first: int
    second: int
    people: frozenset[int]
    leads: frozenset[int]


def clashes(bookings: Iterable[Booking]) -> list[Clash]:
    """The pairs of plans that promise the same person, or the same lead, twice at once."""
    in_time = sorted(bookings, key=lambda booking: (booking.starts_at, booking.visit_id))
    return [
        Clash(first.visit_id, second.visit_id, people, leads)
        for first, second in combinations(in_time, 2)
        if first.overlaps(second)
        for people, leads in [_shared(first, second)]
        if people or leads
    ]


def _shared(first: Booking, second: Booking) -> tuple[frozenset[int], frozenset[int]]:
    stays = [each.kind is Kind.RESIDENCY for each in (first, second)]
    # during a stay one makes visits; two stays at once are in two cities
    if any(stays) and not (all(stays) and first.city != second.city):
        return frozenset(), frozenset()
    people = first.people & second.people
    # of the same people one question is enough
    return people, frozenset() if people else first.leads & second.leads


def without_free_half(
    people: Iterable[int],
    dates: Sequence[date],
    bookings: Collection[Booking],
    absent: Mapping[int, Collection[date]],
) -> list[int]:
    """Of these people, those whose every half-day of these dates is taken."""
    return [
        person
        for person in people
        if dates and not any(_is_free(person, on, bookings, absent) for on in dates)
    ]


def _is_free(
    person: int,
    on: date,
    bookings: Collection[Booking],
    absent: Mapping[int, Collection[date]],
) -> bool:
    """Whether a half of the date is free."""
    if on in absent.get(person, ()):
        return False
    own = [booking for booking in bookings if person in booking.people]
    return any(
        all(
            booking.ends_at <= at_civil(on, begins) or booking.starts_at >= at_civil(on, ends)
            for booking in own
        )
        for begins, ends in HALVES
    )
