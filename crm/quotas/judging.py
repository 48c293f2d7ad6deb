"""What a person owes, has achieved and may still reach (REGIME 4). Pure, in whole numbers."""

from collections.abc import Iterable
from typing import NamedTuple

from crm.quotas.counting import KnownVisit, Terms, known_visits
from crm.quotas.date_bits import DateBits
from crm.quotas.rules import (
    Cap,
    Figure,
    FigureStatus,
    Outlook,
    Proration,
    Reason,
    Rounding,
    Rule,
    Tenure,
    VisitFacts,
)


class Presence(NamedTuple):
    """The dates of a period on which a person owes, beside the number of its working days."""

    workdays: int
    dates: DateBits  # held and not absent
    working: DateBits  # those of them that are working days


class Tally(NamedTuple):
    """What counts so far, and what would if the planned visits were done in time."""

    achieved: int
    hoped: int
    taken: DateBits  # the dates that are counted or planned
    to_confirm: int  # what would count besides, once a supervisor has confirmed it


class StatusInputs(NamedTuple):
    """The numbers from which a status follows."""

    required: int
    achieved: int
    planned: int
    free: int | None  # dates still free; None: nothing bounds them
    reachable: int  # what may still be added at one and a half times the average pace


def judge(visits: Iterable[VisitFacts], tenure: Tenure, terms: Terms) -> Figure:
    """The figure of a person who led or joined the visits, without its explanation."""
    return judge_known(known_visits(visits, tenure.person_id, terms), tenure, terms)


def judge_known(known: Iterable[KnownVisit], tenure: Tenure, terms: Terms) -> Figure:
    """The same of visits as the rule knows them already."""
    rule, presence = terms.rule, presence_in(tenure, terms)
    tally = count(known, tenure, terms)
    required = required_of(rule, presence)
    left = presence.dates & terms.ahead
    inputs = StatusInputs(
        required=required,
        achieved=tally.achieved,
        planned=tally.hoped - tally.achieved,
        free=_free(rule, left, tally.taken),
        reachable=reachable_of(required, presence, terms, taken=tally.taken),
    )

    return Figure(
        rule=rule,
        person_id=tenure.person_id,
        period=terms.period,
        required=required,
        achieved=inputs.achieved,
        planned=inputs.planned,
        pace=pace_of(required, presence, terms.begun),
        status=status_of(inputs, is_over=terms.today > terms.period.last),
        workdays=presence.workdays,
        present=presence.working.bit_count(),
        outlook=Outlook(
            need=max(required - tally.hoped, 0),
            workdays_left=(presence.working & terms.ahead).bit_count(),
            reachable=inputs.reachable,
            free=inputs.free,
            on_leave=(tenure.held & tenure.absent & terms.workdays & terms.ahead).bit_count(),
            to_confirm=tally.to_confirm,
        ),
    )


def count(known: Iterable[KnownVisit], tenure: Tenure, terms: Terms) -> Tally:
    """Add up the visits, or their dates, that count."""
    present = tenure.present
    achieved = hoped = to_confirm = 0
    counted: DateBits = 0
    taken: DateBits = 0
    unconfirmed: DateBits = 0

    for _, _, done, if_done, blocked in known:
        if not blocked:
            achieved += (done & present).bit_count()
            hoped += (if_done & present).bit_count()
            counted |= done
            taken |= if_done
        elif blocked is Reason.LOGGED_LATE:
            to_confirm += (if_done & present).bit_count()
            unconfirmed |= if_done

    counted &= present
    taken &= present
    # REGIME 4: two visits on one day are one
    if terms.rule.once_a_day:
        achieved, hoped = counted.bit_count(), taken.bit_count()
        to_confirm = (unconfirmed & present & ~taken).bit_count()
    return Tally(achieved, hoped, taken, to_confirm)


def presence_in(tenure: Tenure, terms: Terms) -> Presence:
    """On which dates of the period the person holds the duty and is not absent."""
    present = tenure.present
    return Presence(terms.workdays.bit_count(), present, present & terms.workdays)


def required_of(rule: Rule, presence: Presence) -> int:
    """What is owed, in proportion to presence where the rule says so; 0 is exempt."""
    owed = prorated(rule, present=presence.working.bit_count(), workdays=presence.workdays)
    if rule.counts_days:
        # REGIME 4: never more days of residence than days on which one is there
        owed = min(owed, bound_of(rule, presence))
    return owed


def prorated(rule: Rule, *, present: int, workdays: int) -> int:
    """What is owed by someone present on so many of the working days, before it is bounded."""
    if not present:
        return 0
    if rule.proration is Proration.NONE:
        return rule.minimum
    return rule.rounding.divide(rule.minimum * present, workdays)


def bound_of(rule: Rule, presence: Presence) -> int:
    """The most resident days that may be owed."""
    return (presence.working if rule.cap is Cap.WORKDAYS else presence.dates).bit_count()


def pace_of(required: int, presence: Presence, begun: DateBits) -> int:
    """What would be achieved by today if it came evenly over the working days present."""
    if not presence.working:
        return 0
    part = required * (presence.working & begun).bit_count()
    return Rounding.HALF_UP.divide(part, presence.working.bit_count())


def reachable_of(required: int, presence: Presence, terms: Terms, *, taken: DateBits) -> int:
    """What may still be added at one and a half times the average pace, by the dates not taken."""
    present = presence.working.bit_count()
    if not present:
        return 0

    working = presence.working & terms.ahead
    # one and a half times the average, rounded down in whole numbers
    usual = 3 * required * working.bit_count() // (2 * present)
    if not terms.rule.once_a_day:
        return usual
    # more owed than working days present: rest days are needed, so that they count as free, too
    free = (working if required <= present else presence.dates & terms.ahead) & ~taken

    return min(free.bit_count(), usual)


def status_of(inputs: StatusInputs, *, is_over: bool) -> FigureStatus:
    """The first status that applies; `is_over` once today is after the period's last date."""
    hoped = inputs.achieved + inputs.planned
    is_unreachable = inputs.free is not None and hoped + inputs.free < inputs.required

    for applies, status in (
        (inputs.required == 0, FigureStatus.EXEMPT),
        (inputs.achieved >= inputs.required, FigureStatus.MET),
        (is_over, FigureStatus.MISSED),
        (is_unreachable, FigureStatus.UNREACHABLE),
        (inputs.required - hoped > inputs.reachable, FigureStatus.AT_RISK),
    ):
        if applies:
            return status
    return FigureStatus.ON_TRACK


def _free(rule: Rule, left: DateBits, taken: DateBits) -> int | None:
    """How many dates are still free; none where each date may hold any number of visits."""
    if not rule.once_a_day and left:
        return None
    return (left & ~taken).bit_count()
