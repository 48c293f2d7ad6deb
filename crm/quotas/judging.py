"""What a person owes, has achieved and may still reach (REGIME 4). Pure, in whole numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from crm.base import clock
from crm.quotas.counting import Count, KnownVisit, count, known_visit, supposed_done
from crm.quotas.rules import (
    Cap,
    Case,
    Figure,
    FigureStatus,
    Freeze,
    Outlook,
    Proration,
    Rounding,
    Rule,
    VisitFacts,
)


@dataclass(frozen=True, slots=True)
class Presence:
    """The dates of a period on which a person owes, beside the period's working days."""

    workdays: int
    dates: frozenset[date]  # held and not absent
    working: frozenset[date]  # those of them that are working days

    def elapsed(self, today: date) -> int:
        """How many of the working ones have begun, today included."""
        return sum(on <= today for on in self.working)

    def working_left(self, today: date) -> frozenset[date]:
        """The working ones from today on."""
        return frozenset(on for on in self.working if on >= today)

    def left(self, today: date) -> frozenset[date]:
        """The dates from today on."""
        return frozenset(on for on in self.dates if on >= today)


@dataclass(frozen=True, slots=True)
class StatusInputs:
    """The numbers from which a status follows."""

    required: int
    achieved: int
    planned: int
    free: int | None  # dates still free; None: nothing bounds them
    reachable: int  # what may still be added at one and a half times the average pace


def judge_figure(
    case: Case,
    visits: Iterable[VisitFacts],
    *,
    workdays: frozenset[date],
    as_of: datetime,
    freeze: Freeze | None = None,
) -> Figure:
    """The figure of a person who led or joined the visits; `workdays` are the period's.

    `freeze`: when the figure was frozen, to judge what edits made of it since.
    """
    today = clock.civil_date(as_of)
    known_visits = [
        known_visit(visit, case.rule, as_of=as_of, freeze=freeze)
        for visit in visits
        # REGIME 4, As of T: what was entered later is not there
        if visit.entered_at <= as_of
    ]
    so_far = count(known_visits, case)
    if_done = _if_planned_are_done(known_visits, so_far, case, today)
    presence = presence_in(case, workdays)
    required = required_of(case.rule, presence)
    inputs = StatusInputs(
        required=required,
        achieved=so_far.achieved,
        planned=if_done.achieved - so_far.achieved,
        free=_free(case.rule, presence.left(today), if_done.dates),
        reachable=reachable_of(case.rule, required, presence, today=today, taken=if_done.dates),
    )

    return Figure(
        rule=case.rule,
        person_id=case.tenure.person_id,
        period=case.period,
        required=inputs.required,
        achieved=inputs.achieved,
        planned=inputs.planned,
        pace=pace_of(required, presence, today),
        status=status_of(inputs, is_over=today > case.period.last),
        workdays=presence.workdays,
        present=len(presence.working),
        counted=so_far.counted,
        not_counted=so_far.not_counted,
        outlook=Outlook(
            need=max(required - if_done.achieved, 0),
            workdays_left=len(presence.working_left(today)),
            reachable=inputs.reachable,
        ),
    )


def presence_in(case: Case, workdays: frozenset[date]) -> Presence:
    """On which dates of the period the person holds the duty and is not absent."""
    dates = case.tenure.present.intersection(case.period.dates)
    return Presence(len(workdays), dates, dates & workdays)


def required_of(rule: Rule, presence: Presence) -> int:
    """What is owed, in proportion to presence where the rule says so; 0 is exempt."""
    owed = prorated(rule, present=len(presence.working), workdays=presence.workdays)
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
    return len(presence.working if rule.cap is Cap.WORKDAYS else presence.dates)


def pace_of(required: int, presence: Presence, today: date) -> int:
    """What would be achieved by today if it came evenly over the working days present."""
    if not presence.working:
        return 0
    part = required * presence.elapsed(today)
    return Rounding.HALF_UP.divide(part, len(presence.working))


def reachable_of(
    rule: Rule, required: int, presence: Presence, *, today: date, taken: frozenset[date]
) -> int:
    """What may still be added at one and a half times the average pace, by the dates not taken."""
    if not presence.working:
        return 0

    working = presence.working_left(today)
    # one and a half times the average, rounded down in whole numbers
    usual = 3 * required * len(working) // (2 * len(presence.working))
    if not rule.once_a_day:
        return usual
    # more owed than working days present: rest days are needed, so that they count as free, too
    is_within_workdays = required <= len(presence.working)
    free = (working if is_within_workdays else presence.left(today)) - taken

    return min(len(free), usual)


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


def _if_planned_are_done(visits: list[KnownVisit], so_far: Count, case: Case, today: date) -> Count:
    """The count if the planned visits that can still be logged in time were done."""
    # one that ended earlier would be logged late, and count only once confirmed
    earliest = today - timedelta(days=case.rule.log_within_days)
    if not any(known.is_planned and known.visit.last_on >= earliest for known in visits):
        return so_far
    supposed = (
        supposed_done(known) if known.is_planned and known.visit.last_on >= earliest else known
        for known in visits
    )
    return count(supposed, case)


def _free(rule: Rule, left: frozenset[date], taken: frozenset[date]) -> int | None:
    """How many dates are still free; none where each date may hold any number of visits."""
    if not rule.once_a_day and left:
        return None
    return len(left - taken)
