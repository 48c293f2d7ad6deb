"""Which visits count towards a rule, which do not, and why (REGIME 4). Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from crm.base import clock
from crm.base.periods import Period, days
from crm.people.rules import Duty
from crm.quotas.rules import (
    Case,
    Counted,
    Freeze,
    JudgingVersion,
    Measure,
    NotCounted,
    Reason,
    Rule,
    VisitFacts,
)
from crm.visits.rules import Kind, Status, Verdict, is_logged_late, is_open_to_verdict


@dataclass(frozen=True, slots=True)
class KnownVisit:
    """A visit as one rule sees it at a moment."""

    visit: VisitFacts
    is_planned: bool
    done_before: date  # its dates before this one are done
    is_rejected: bool
    is_logged_late: bool  # set done late, and not confirmed
    is_entered_late: bool  # its days were entered late for the person, and are not confirmed


@dataclass(frozen=True, slots=True)
class Count:
    """Every visit of the person that covers the period, counted or not."""

    counted: tuple[Counted, ...]
    not_counted: tuple[NotCounted, ...]

    @property
    def achieved(self) -> int:
        """How many visits or days count."""
        return sum(item.days for item in self.counted)

    @property
    def dates(self) -> frozenset[date]:
        """The dates that are counted."""
        return frozenset(on for item in self.counted for on in item.dates)


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


def is_entered_late(visit: VisitFacts, rule: Rule, late_by_days: int) -> bool:
    """Whether the rule counts its days, and they were entered later than it allows (REGIME 3)."""
    return (
        rule.counts_days
        and rule.stay_within_days is not None
        and visit.first_on < visit.last_on
        and late_by_days > rule.stay_within_days
    )


def known_visit(
    visit: VisitFacts, rule: Rule, *, as_of: datetime, freeze: Freeze | None = None
) -> KnownVisit:
    """The visit as the rule knows it at the moment.

    Of a period that was frozen at a moment, a stay that counted then goes on counting: that it
    ends, or lapses, is no edit, and no correction follows from it.
    """
    status, verdict = status_at(visit, as_of), verdict_at(visit, as_of)
    is_done, is_confirmed = status is Status.DONE, verdict is Verdict.CONFIRMED
    is_rejected = verdict is Verdict.REJECTED
    counts_so_far = status is Status.PLANNED and not is_rejected
    until = _as_if_done_before(visit, rule, as_of, freeze) if counts_so_far else date.min
    is_late = is_logged_late(visit.last_on, visit.logged_at, rule.log_within_days)

    return KnownVisit(
        visit,
        is_planned=status is Status.PLANNED,
        done_before=date.max if is_done else until,
        is_rejected=is_rejected,
        is_logged_late=is_done and is_late and not is_confirmed,
        is_entered_late=is_entered_late(visit, rule, visit.late_by_days) and not is_confirmed,
    )


def _as_if_done_before(
    visit: VisitFacts, rule: Rule, as_of: datetime, freeze: Freeze | None
) -> date:
    """Before which date the dates of a planned visit count as if done: those of stays do.

    REGIME 3: each date before today, while the stay is under way or may be logged in time.
    """
    # `at`: the moment whose date is today; of a frozen figure that of the freeze
    at, ended_too = as_of, True

    if freeze:
        was_known = visit.entered_at <= freeze.at
        at = freeze.at if was_known else as_of
        # no edit follows when a stay lapses: one made up after the freeze counts once it is done
        ended_too = was_known and freeze.way is JudgingVersion.ENDED_STAYS

    if visit.kind is not Kind.RESIDENCY or at < visit.starts_at:
        return date.min

    today = clock.civil_date(at)
    is_in_time = today <= rule.last_date_to_log(visit.last_on)
    return today if at < visit.ends_at or (is_in_time and ended_too) else date.min


def supposed_done(known: KnownVisit) -> KnownVisit:
    """The visit as it would be if it were done, and logged in time."""
    return replace(known, done_before=date.max, is_logged_late=False)


def waits_for_logging(visit: VisitFacts, rules: Iterable[Rule], as_of: datetime) -> bool:
    """Whether it has ended and may still be set done, and some rule counts its kind and channel."""
    return (
        status_at(visit, as_of) is Status.PLANNED
        and visit.ends_at <= as_of
        and verdict_at(visit, as_of) is not Verdict.REJECTED
        and any(rule.takes(visit) for rule in rules)
    )


def waits_for_verdict(
    visit: VisitFacts, rules: Iterable[Rule], as_of: datetime, *, late_by: Mapping[Duty, int]
) -> bool:
    """Whether some rule that counts its kind and channel counts it only once it is confirmed.

    `late_by`: by duty, how many days late its dates were entered for someone who holds it.
    """
    visit = replace(visit, status=status_at(visit, as_of), verdict=verdict_at(visit, as_of))
    if visit.verdict or not is_open_to_verdict(visit, as_of):
        return False

    is_done = visit.status is Status.DONE
    return any(
        (is_done and is_logged_late(visit.last_on, visit.logged_at, rule.log_within_days))
        or is_entered_late(visit, rule, late_by.get(rule.duty, 0))
        for rule in rules
        if rule.takes(visit)
    )


def count(visits: Iterable[KnownVisit], case: Case) -> Count:
    """Judge each visit that the person led or joined and that covers a date of the period."""
    counted, not_counted = [], []
    taken: set[date] = set()

    for known in _in_order(visits, case.period):
        parts: dict[Reason | None, list[date]] = defaultdict(list)
        for on in _dates(known.visit, case):
            reason = _why_not(known, on, case)
            # REGIME 4: two visits on one day are one, and the earlier one counts
            if reason is None and case.rule.once_a_day and on in taken:
                reason = Reason.SAME_DAY
            if reason is None:
                taken.add(on)
            parts[reason].append(on)
        for reason, dates in parts.items():
            if reason is None:
                counted.append(Counted(known.visit, tuple(dates)))
            else:
                not_counted.append(NotCounted(known.visit, reason, tuple(dates)))

    return Count(tuple(counted), tuple(not_counted))


def _in_order(visits: Iterable[KnownVisit], period: Period) -> list[KnownVisit]:
    """The visits that cover a date of the period, the earliest first: of one date it counts."""
    covering = (
        known
        for known in visits
        if known.visit.first_on <= period.last and known.visit.last_on >= period.first
    )
    return sorted(covering, key=lambda known: (known.visit.starts_at, known.visit.ref))


def _dates(visit: VisitFacts, case: Case) -> Iterator[date]:
    if not case.rule.counts_days:
        yield visit.first_on  # a visit belongs to the date on which it starts
        return
    period = case.period
    yield from days(max(visit.first_on, period.first), min(visit.last_on, period.last))


def _why_not(known: KnownVisit, on: date, case: Case) -> Reason | None:
    visit, rule, tenure = known.visit, case.rule, case.tenure
    led_by_another = visit.leader_id != tenure.person_id

    for applies, reason in (
        # the order is the regime's: the first reason that applies is told
        (not rule.counts_days and visit.first_on < case.period.first, Reason.OUTSIDE_PERIOD),
        (rule.measure is Measure.VISITS_LED and led_by_another, Reason.NOT_LEADER),
        (visit.kind not in rule.kinds, Reason.WRONG_KIND),
        (visit.channel not in rule.channels, Reason.WRONG_CHANNEL),
        (on >= known.done_before, Reason.NOT_DONE),
        (known.is_rejected, Reason.REJECTED),
        (known.is_logged_late or known.is_entered_late, Reason.LOGGED_LATE),
        (on not in tenure.held, Reason.OUTSIDE_EMPLOYMENT),
        (on in tenure.absent, Reason.ABSENT),
    ):
        if applies:
            return reason

    return None
