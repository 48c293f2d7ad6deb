"""Which leads to visit next, when, and why (安排拜访建议, ENTRY 3). Pure: no database, no clock."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta

from crm.base.clock import at_civil
from crm.base.enums import LabeledEnum
from crm.base.periods import DAY
from crm.base.value_class import value_class
from crm.leads.tiers import Tier
from crm.visits.rules import HOME

WORKDAYS_AHEAD = 5
STEP_WITHIN = timedelta(days=7)
SIGNING_WITHIN = timedelta(days=60)
PLANNED_WITHIN = timedelta(days=7)  # of anybody
VISITED_WITHIN = timedelta(days=5)  # by the person
UNLED_FOR = timedelta(days=30)  # a major lead that no leader visited
MOST_REASONS = 3
MOST = 10  # proposals: two a day for a week; what follows is proposed once these are planned
FEWEST_FOR_TRIP = 2
_TIERS = tuple(Tier)


class Half(LabeledEnum):
    """A half of a day, with the hours of a visit in it."""

    MORNING = "am", "上午"
    AFTERNOON = "pm", "下午"


HOURS = {
    Half.MORNING: (time(9, 30), time(11, 30)),
    Half.AFTERNOON: (time(14), time(16)),
}


class Why(LabeledEnum):
    """A reason to visit a lead; the order follows from them, in this order."""

    STEP = "step", "下一步到期"
    PROBLEM = "problem", "待我方解决的困难问题"
    SIGNING = "signing", "计划签约临近"
    SIZE = "size", "投资规模"
    CONTACT = "contact", "久未联系"


@value_class
class Owed:
    """Something with a due date: the open next step of a lead, or a problem that names us."""

    what: str
    due_on: date


@value_class(kw_only=True)
class Candidate:
    """What is known of a lead when one decides whom to visit."""

    lead_id: int
    ref: str
    city: str  # empty: not known
    is_city_assumed: bool = False  # by the company's name
    tier: Tier = Tier.ANY
    entered_on: date
    last_contact_on: date | None = None
    step: Owed | None = None
    problem: Owed | None = None
    signing_on: date | None = None  # planned, and not reached
    planned_on: date | None = None  # of the next visit that anybody plans
    visited_on: date | None = None  # by the person
    is_theirs: bool = True  # else: a major lead that no leader visited


@value_class
class Reason:
    """Why a lead is proposed, with the facts for its words."""

    why: Why
    on: date | None = None
    what: str = ""
    days: int = 0
    tier: Tier = Tier.ANY


@value_class
class Slot:
    """A free half-day; one within a stay serves only the city of that stay."""

    on: date
    half: Half
    city: str | None = None

    @property
    def starts_at(self) -> datetime:
        return at_civil(self.on, HOURS[self.half][0])

    @property
    def ends_at(self) -> datetime:
        return at_civil(self.on, HOURS[self.half][1])


@value_class
class Proposal:
    """A lead with its half-day and at most three reasons."""

    candidate: Candidate
    slot: Slot
    reasons: tuple[Reason, ...]

    @property
    def key(self) -> str:
        """What a form sends of it; another lead, day or half has another one."""
        return f"{self.candidate.lead_id}:{self.slot.on.isoformat()}:{self.slot.half}"


@value_class
class CityProposals:
    """The proposals in a city, in order of time."""

    city: str
    is_stay: bool  # the person stays there
    proposals: tuple[Proposal, ...]


@value_class
class Plan:
    """The proposals by city, and what became of the other leads."""

    cities: tuple[CityProposals, ...] = ()
    theirs: int = 0  # leads of the person at these stages
    planned: int = 0  # of them, with a visit planned within 7 days
    visited: int = 0  # of them, visited by the person within 5 days
    without_slot: int = 0  # worth a visit, but no half-day is left, or the list is full

    @property
    def proposals(self) -> tuple[Proposal, ...]:
        return tuple(proposal for group in self.cities for proposal in group.proposals)


def plan(candidates: Iterable[Candidate], slots: Sequence[Slot], on: date) -> Plan:
    """The proposals for these free half-days; the same input gives the same list."""
    found = list(candidates)
    theirs = [each for each in found if each.is_theirs]
    planned = [each for each in found if is_planned_soon(each, on)]
    visited = [each for each in found if was_just_visited(each, on) and each not in planned]
    open_ones = [each for each in found if each not in planned and each not in visited]
    open_ones.sort(key=lambda each: _order(each, on))
    cities = _placed(open_ones, slots, on)
    placed = sum(len(group.proposals) for group in cities)

    return Plan(
        cities,
        theirs=len(theirs),
        planned=sum(each.is_theirs for each in planned),
        visited=sum(each.is_theirs for each in visited),
        without_slot=len(open_ones) - placed,
    )


def is_planned_soon(lead: Candidate, on: date) -> bool:
    """Whether anybody plans to visit it within 7 days."""
    return lead.planned_on is not None and lead.planned_on <= on + PLANNED_WITHIN


def was_just_visited(lead: Candidate, on: date) -> bool:
    """Whether the person visited it within 5 days."""
    return lead.visited_on is not None and lead.visited_on >= on - VISITED_WITHIN


def reasons_of(lead: Candidate, on: date) -> tuple[Reason, ...]:
    """Every reason that applies, in their order."""
    quiet = days_without_contact(lead, on)
    found = [
        Reason(Why.STEP, lead.step.due_on, lead.step.what)
        if lead.step and lead.step.due_on <= on + STEP_WITHIN
        else None,
        Reason(Why.PROBLEM, lead.problem.due_on, lead.problem.what) if lead.problem else None,
        Reason(Why.SIGNING, lead.signing_on)
        if lead.signing_on and lead.signing_on <= on + SIGNING_WITHIN
        else None,
        Reason(Why.SIZE, tier=lead.tier) if lead.tier is not Tier.ANY else None,
        Reason(Why.CONTACT, lead.last_contact_on, days=quiet) if quiet else None,
    ]
    return tuple(reason for reason in found if reason)


def days_without_contact(lead: Candidate, on: date) -> int:
    """Days since the last contact, or since the lead was entered where there was none."""
    return max((on - (lead.last_contact_on or lead.entered_on)).days, 0)


def _order(lead: Candidate, on: date) -> tuple[bool, bool, bool, int, int, str]:
    applies = {reason.why for reason in reasons_of(lead, on)}
    return (
        Why.STEP not in applies,
        Why.PROBLEM not in applies,
        Why.SIGNING not in applies,
        -_TIERS.index(lead.tier),
        -days_without_contact(lead, on),
        lead.ref,
    )


def _placed(
    leads: Sequence[Candidate], slots: Sequence[Slot], on: date
) -> tuple[CityProposals, ...]:
    """The leads on the slots: a date belongs to one city, cities where the person stays first."""
    stays = {plain_city(slot.city) for slot in slots if slot.city}
    by_city: dict[str, list[Candidate]] = {}
    for lead in leads:
        by_city.setdefault(plain_city(lead.city), []).append(lead)

    free, left, groups = list(slots), MOST, []
    for city in sorted(by_city, key=lambda city: city not in stays):  # stable: else by their best
        proposals = []
        own_dates: set[date] = set()
        for lead in by_city[city][:left]:
            slot = _slot_for(city, free, own_dates)
            if slot is None:
                break
            free.remove(slot)
            own_dates.add(slot.on)
            proposals.append(Proposal(lead, slot, reasons_of(lead, on)[:MOST_REASONS]))
        # what is left of these dates is too short for another city
        free = [slot for slot in free if slot.on not in own_dates]
        left -= len(proposals)
        if proposals:
            groups.append(CityProposals(city, city in stays, tuple(proposals)))

    return tuple(groups)


def _slot_for(city: str, free: Sequence[Slot], own_dates: Collection[date]) -> Slot | None:
    """The next half-day in the city: on its own dates first, then within a stay, then any."""
    usable = [slot for slot in free if slot.city is None or plain_city(slot.city) == city]
    usable.sort(key=lambda slot: (slot.on not in own_dates, slot.city is None))
    return usable[0] if usable else None


def free_slots(
    dates: Iterable[date], *, busy: Collection[date], stays: Mapping[date, str], now: datetime
) -> list[Slot]:
    """The half-days to come of these dates, of which the busy ones are left out."""
    slots = (Slot(on, half, stays.get(on)) for on in dates if on not in busy for half in Half)
    return [slot for slot in slots if slot.starts_at > now]


def trips_of(proposals: Iterable[Proposal]) -> dict[str, tuple[date, date]]:
    """By city outside, the first and last date of a journey: two visits or more."""
    dates: dict[str, list[date]] = {}
    for proposal in proposals:
        dates.setdefault(plain_city(proposal.candidate.city), []).append(proposal.slot.on)
    return {
        city: (min(days), max(days))
        for city, days in dates.items()
        if city and city != HOME and len(days) >= FEWEST_FOR_TRIP
    }


def plain_city(city: str) -> str:
    """The city as it is compared: 上海市 is 上海."""
    return city.strip().removesuffix("市")


def window(on: date, last: date) -> list[date]:
    """The dates from today to the last one."""
    return [on + n * DAY for n in range((last - on).days + 1)]
