"""Which visits count towards a rule, which do not, and why (REGIME 4). Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from crm.base import clock
from crm.base.periods import Period, days
from crm.quotas.rules import Case, Counted, Measure, NotCounted, Reason, Rule, VisitFacts
from crm.visits.rules import Kind, Status, Verdict


@dataclass(frozen=True, slots=True)
class Known:
    """A visit as it is known at a moment, under one rule."""

    visit: VisitFacts
    is_planned: bool
    done_before: date  # its dates before this one are done
    is_rejected: bool
    is_late: bool  # logged late, and not confirmed


@dataclass(frozen=True, slots=True)
class Count:
    """What counts and what does not: together every visit of the person that covers the period."""

    counted: tuple[Counted, ...]
    not_counted: tuple[NotCounted, ...]

    @property
    def achieved(self) -> int:
        """How many visits or days count."""
        return sum(each.days for each in self.counted)

    @property
    def dates(self) -> frozenset[date]:
        """The dates that are counted."""
        return frozenset(on for each in self.counted for on in each.dates)


def status_at(visit: VisitFacts, as_of: datetime) -> Status:
    """The visit's status at the moment: one logged later, or ending later, was planned then."""
    if visit.status is not Status.DONE:
        return visit.status
    is_logged = visit.logged_at is not None and visit.logged_at <= as_of
    return Status.DONE if is_logged and visit.ends_at <= as_of else Status.PLANNED


def verdict_at(visit: VisitFacts, as_of: datetime) -> Verdict | None:
    """The verdict that had been given by then."""
    given = visit.verdict_at is not None and visit.verdict_at <= as_of
    return visit.verdict if given else None


def is_late(visit: VisitFacts, within_days: int) -> bool:
    """Whether it was logged more than that many civil days after its last date (REGIME 3)."""
    if visit.logged_at is None:
        return False
    return clock.civil_date(visit.logged_at) - visit.last_on > timedelta(days=within_days)


def known(
    visit: VisitFacts, *, within_days: int, as_of: datetime, frozen_at: datetime | None = None
) -> Known:
    """The visit as known at the moment, where `within_days` is the rule's limit for logging.

    Of a period that was frozen at a moment, what was under way then stays so: that a stay ends
    is no edit, and no correction follows from it.
    """
    at = frozen_at if frozen_at and visit.entered_at <= frozen_at else as_of
    status, verdict = status_at(visit, as_of), verdict_at(visit, as_of)
    is_done, is_rejected = status is Status.DONE, verdict is Verdict.REJECTED
    is_under_way = (
        status is Status.PLANNED
        and visit.kind is Kind.RESIDENCY
        and visit.starts_at <= at < visit.ends_at
        and not is_rejected
    )
    # REGIME 3: of a stay under way, each date before today counts as if done
    until_today = clock.civil_date(at) if is_under_way else date.min
    return Known(
        visit,
        is_planned=status is Status.PLANNED,
        done_before=date.max if is_done else until_today,
        is_rejected=is_rejected,
        is_late=is_done and verdict is not Verdict.CONFIRMED and is_late(visit, within_days),
    )


def supposed_done(this: Known) -> Known:
    """The visit as it would be if it were done, and logged in time."""
    return replace(this, done_before=date.max, is_late=False)


def waits_for_logging(visit: VisitFacts, rules: Iterable[Rule], as_of: datetime) -> bool:
    """Whether it has ended and may still be set done, and some rule counts its kind and channel."""
    return (
        status_at(visit, as_of) is Status.PLANNED
        and visit.ends_at <= as_of
        and verdict_at(visit, as_of) is not Verdict.REJECTED
        and any(rule.takes(visit) for rule in rules)
    )


def waits_for_verdict(visit: VisitFacts, rules: Iterable[Rule], as_of: datetime) -> bool:
    """Whether it is done but too late for some rule that counts its kind and channel."""
    return (
        status_at(visit, as_of) is Status.DONE
        and verdict_at(visit, as_of) is None
        and any(rule.takes(visit) and is_late(visit, rule.log_within_days) for rule in rules)
    )


def count(visits: Iterable[Known], case: Case) -> Count:
    """Judge each visit that the person led or joined and that covers a date of the period."""
    counted, not_counted = [], []
    taken: set[date] = set()
    for this in _in_order(visits, case.period):
        parts: dict[Reason | None, list[date]] = defaultdict(list)
        for on in _dates(this.visit, case):
            reason = _why_not(this, on, case)
            if reason is None and case.rule.once_a_day and on in taken:
                reason = Reason.SAME_DAY
            if reason is None:
                taken.add(on)
            parts[reason].append(on)
        for reason, dates in parts.items():
            if reason is None:
                counted.append(Counted(this.visit, tuple(dates)))
            else:
                not_counted.append(NotCounted(this.visit, reason, tuple(dates)))
    return Count(tuple(counted), tuple(not_counted))


def _in_order(visits: Iterable[Known], period: Period) -> list[Known]:
    """The visits that cover a date of the period, the earliest first: of one date it counts."""
    covering = (
        this
        for this in visits
        if this.visit.first_on <= period.last and this.visit.last_on >= period.first
    )
    return sorted(covering, key=lambda this: (this.visit.starts_at, this.visit.ref))


def _dates(visit: VisitFacts, case: Case) -> Iterator[date]:
    if not case.rule.counts_days:
        yield visit.first_on  # a visit belongs to the date on which it starts
        return
    period = case.period
    yield from days(max(visit.first_on, period.first), min(visit.last_on, period.last))


def _why_not(this: Known, on: date, case: Case) -> Reason | None:
    visit, rule, tenure = this.visit, case.rule, case.tenure
    led_by_another = visit.leader_id != tenure.person_id
    for applies, reason in (
        # the order is the regime's: the first reason that applies is told
        (not rule.counts_days and visit.first_on < case.period.first, Reason.OUTSIDE_PERIOD),
        (rule.measure is Measure.VISITS_LED and led_by_another, Reason.NOT_LEADER),
        (visit.kind not in rule.kinds, Reason.WRONG_KIND),
        (visit.channel not in rule.channels, Reason.WRONG_CHANNEL),
        (on >= this.done_before, Reason.NOT_DONE),
        (this.is_rejected, Reason.REJECTED),
        (this.is_late, Reason.LOGGED_LATE),
        (on not in tenure.held, Reason.OUTSIDE_EMPLOYMENT),
        (on in tenure.absent, Reason.ABSENT),
    ):
        if applies:
            return reason
    return None
