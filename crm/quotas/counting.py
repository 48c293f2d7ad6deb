"""Which visits count towards a rule, which do not, and why (REGIME 4). Pure.

Figures are numbers, and few readers ask for the visits behind them. `known_visit` decides both:
`crm.quotas.judging` sums what it says, and `explain` lists it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import NamedTuple

from crm.base import clock
from crm.base.periods import DAY, Period
from crm.base.value_class import value_class
from crm.people.rules import Duty
from crm.quotas.date_bits import DateBits, bits_between, dates_of
from crm.quotas.rules import (
    Counted,
    Explanation,
    Freeze,
    JudgingVersion,
    Measure,
    NotCounted,
    Reason,
    Rule,
    Tenure,
    VisitFacts,
)
from crm.visits.rules import Kind, Status, Verdict, is_logged_late, is_open_to_verdict

START = 1  # the bit that stands for a visit, where visits and not their dates are counted


class KnownVisit(NamedTuple):
    """A visit of a person as one rule sees it at a moment."""

    visit: VisitFacts
    covered: DateBits  # its dates that the rule looks at
    done: DateBits  # those of them that count as done
    if_done: DateBits  # those that would, if it were set done in time
    blocked: Reason | None  # why it does not count even where it is done


@value_class
class Terms:
    """What is alike for everybody who is judged by a rule in a period at a moment."""

    rule: Rule
    period: Period
    workdays: DateBits
    as_of: datetime
    today: date
    begun: DateBits  # the dates up to today
    ahead: DateBits  # the dates from today on
    counts_days: bool
    freeze: Freeze | None  # when the figure was frozen, to judge what edits made of it since


def terms_of(
    rule: Rule,
    period: Period,
    workdays: DateBits,
    as_of: datetime,
    freeze: Freeze | None = None,
) -> Terms:
    """The terms of a rule for a period with these working days, at the moment."""
    today = clock.civil_date(as_of)
    return Terms(
        rule,
        period,
        workdays,
        as_of,
        today,
        begun=bits_between(period, period.first, today),
        ahead=bits_between(period, today, None),
        counts_days=rule.counts_days,
        freeze=freeze,
    )


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
        late_by_days > 0
        and rule.counts_days
        and rule.stay_within_days is not None
        and visit.first_on < visit.last_on
        and late_by_days > rule.stay_within_days
    )


def known_visits(
    visits: Iterable[VisitFacts], person_id: int, terms: Terms
) -> Iterator[KnownVisit]:
    """Those of the visits that had been entered by then and cover a date of the period."""
    period, as_of = terms.period, terms.as_of
    for visit in visits:
        is_there = visit.first_on <= period.last and visit.last_on >= period.first
        # REGIME 4, As of T: what was entered later is not there
        if is_there and visit.entered_at <= as_of:
            yield known_visit(visit, person_id, terms)


def known_visit(visit: VisitFacts, person_id: int, terms: Terms) -> KnownVisit:
    """The visit as the rule knows it at the moment.

    Of a period that was frozen at a moment, a stay that counted then goes on counting: that it
    ends, or lapses, is no edit, and no correction follows from it.
    """
    period, rule = terms.period, terms.rule
    covered = START
    if terms.counts_days:
        covered = bits_between(period, visit.first_on, visit.last_on)
    elif visit.first_on >= period.first:
        # a visit belongs to the date on which it starts
        covered = START << (visit.first_on - period.first).days

    if reason := _why_never(visit, person_id, terms):
        return KnownVisit(visit, covered, covered, covered, reason)

    status, verdict = status_at(visit, terms.as_of), verdict_at(visit, terms.as_of)
    is_done = status is Status.DONE
    done = covered if is_done else 0
    if_done = done
    if status is Status.PLANNED:
        if verdict is not Verdict.REJECTED:
            done = _done_so_far(visit, covered, terms)
        # one that ended earlier would be logged late, and count only once confirmed
        if_done = covered if terms.today <= rule.last_date_to_log(visit.last_on) else done

    if verdict is Verdict.REJECTED:
        return KnownVisit(visit, covered, done, if_done, Reason.REJECTED)
    is_late = verdict is None and (
        (is_done and is_logged_late(visit.last_on, visit.logged_at, rule.log_within_days))
        or is_entered_late(visit, rule, visit.late_by_days)
    )
    return KnownVisit(visit, covered, done, if_done, Reason.LOGGED_LATE if is_late else None)


def _why_never(visit: VisitFacts, person_id: int, terms: Terms) -> Reason | None:
    """Why no date of the visit counts, done or not: the first reason in the regime's order."""
    rule = terms.rule
    if not terms.counts_days and visit.first_on < terms.period.first:
        return Reason.OUTSIDE_PERIOD
    if rule.measure is Measure.VISITS_LED and visit.leader_id != person_id:
        return Reason.NOT_LEADER
    if visit.kind not in rule.kinds:
        return Reason.WRONG_KIND
    return None if visit.channel in rule.channels else Reason.WRONG_CHANNEL


def _done_so_far(visit: VisitFacts, covered: DateBits, terms: Terms) -> DateBits:
    """Which dates of a planned visit count as if done: those of stays do.

    REGIME 3: each date before today, while the stay is under way or may be logged in time.
    """
    # `at`: the moment whose date is today; of a frozen figure that of the freeze
    at, ended_too, freeze = terms.as_of, True, terms.freeze

    if freeze:
        was_known = visit.entered_at <= freeze.at
        at = freeze.at if was_known else terms.as_of
        # no edit follows when a stay lapses: one made up after the freeze counts once it is done
        ended_too = was_known and freeze.way is JudgingVersion.ENDED_STAYS

    if visit.kind is not Kind.RESIDENCY or at < visit.starts_at:
        return 0

    today = clock.civil_date(at)
    is_in_time = today <= terms.rule.last_date_to_log(visit.last_on)
    if at < visit.ends_at or (is_in_time and ended_too):
        return covered & bits_between(terms.period, terms.period.first, today - DAY)
    return 0


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
    status = status_at(visit, as_of)
    known = visit if status is visit.status else replace(visit, status=status)
    if verdict_at(visit, as_of) or not is_open_to_verdict(known, as_of):
        return False

    is_done = status is Status.DONE
    return any(
        (is_done and is_logged_late(visit.last_on, visit.logged_at, rule.log_within_days))
        or is_entered_late(visit, rule, late_by.get(rule.duty, 0))
        for rule in rules
        if rule.takes(visit)
    )


def explain(visits: Iterable[VisitFacts], tenure: Tenure, terms: Terms) -> Explanation:
    """Each visit that the person led or joined and that covers the period, counted or not."""
    return explain_known(known_visits(visits, tenure.person_id, terms), tenure, terms)


def explain_known(known_ones: Iterable[KnownVisit], tenure: Tenure, terms: Terms) -> Explanation:
    """The same of visits as the rule knows them already."""
    # the earliest first: of one date it counts
    in_order = sorted(known_ones, key=lambda known: (known.visit.starts_at, known.visit.ref))
    counted, not_counted = [], []
    taken: DateBits = 0

    for known in in_order:
        for reason, bits in _parts(known, tenure, taken if terms.rule.once_a_day else 0):
            # a visit's start may lie outside of the period, where no bit stands for it
            dates = dates_of(terms.period, bits) if terms.counts_days else (known.visit.first_on,)
            if reason is None:
                taken |= bits
                counted.append(Counted(known.visit, dates))
            else:
                not_counted.append(NotCounted(known.visit, reason, dates))

    return Explanation(tuple(counted), tuple(not_counted))


def _parts(
    known: KnownVisit, tenure: Tenure, taken: DateBits
) -> list[tuple[Reason | None, DateBits]]:
    """The visit's dates by the first reason that applies to them, in the order of the dates."""
    done = known.done
    present = done & tenure.present
    parts: dict[Reason | None, DateBits] = {Reason.NOT_DONE: known.covered & ~done}

    if known.blocked:
        parts[known.blocked] = done
    else:
        parts[Reason.OUTSIDE_EMPLOYMENT] = done & ~tenure.held
        parts[Reason.ABSENT] = done & tenure.held & tenure.absent
        # REGIME 4: two visits on one day are one, and the earlier one counts
        parts[Reason.SAME_DAY] = present & taken
        parts[None] = present & ~taken

    found = [(reason, bits) for reason, bits in parts.items() if bits]
    return sorted(found, key=lambda part: part[1] & -part[1])  # the lowest bit is the first date
