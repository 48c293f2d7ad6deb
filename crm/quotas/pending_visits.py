"""Visits that wait to be set done, or for a verdict, before they count (REGIME 3)."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Protocol

from sqlalchemy import or_, select, union
from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.periods import Period
from crm.base.updated_reads import updated_read
from crm.base.value_class import value_class
from crm.people.models import Posting
from crm.people.permissions import Viewer
from crm.people.rules import Duty
from crm.quotas import facts
from crm.quotas.counting import waits_for_verdict
from crm.quotas.facts import late_by_duty
from crm.quotas.queries import current, period_kinds, rules_for_all, rules_holding
from crm.quotas.rules import DAYS_TO_LOG, HasChannel, PendingVisits, Rule, VisitFacts
from crm.quotas.waiting import count_waiting, waiting_visits
from crm.visits.models import Visit, VisitParticipant
from crm.visits.queries import JudgedFrom, awaiting_verdict, awaits_verdict
from crm.visits.redaction import SeenVisit
from crm.visits.rules import is_logged_late

LONGEST_PERIOD = timedelta(days=366)  # a rule's version may have begun that long before the visit


class Stay(HasChannel, Protocol):
    """A visit as far as the rules that count it need it."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def first_on(self) -> date:
        """Its first date."""

    @property
    def last_on(self) -> date:
        """Its last date."""


def count_pending(
    db: Session,
    *,
    period: Period,
    as_of: datetime,
    person_ids: Collection[int] | None = None,
) -> PendingVisits:
    """How many of the period's visits that a rule may count wait for logging or a verdict."""
    people = None if person_ids is None else frozenset(person_ids)
    waiting = current(db, period, as_of, people).waiting
    if waiting is None:
        rules = rules_holding(db, period.first, period.first)
        by_person = facts.visits_by_person(db, period, people)
        waiting = waiting_visits(db, period, by_person, rules, as_of)
    return count_waiting(waiting, people)


def visits_to_judge(db: Session, viewer: Viewer, now: datetime) -> list[Visit]:
    """What waits for the viewer's verdict in this and the last period of each kind, in time."""
    if (asked := _asked_for(db, viewer, now)) is None:
        return []
    visits = awaiting_verdict(db, viewer, limits=asked.limits, as_of=now)
    waiting = _waiting_ids(db, map(_facts, visits), asked.rules, now)
    return [visit for visit in visits if visit.id in waiting]


def count_to_judge(
    db: Session, viewer: Viewer, now: datetime, until: Callable[[], datetime]
) -> int:
    """How many these are; `until`: the next moment at which time itself may change that.

    Of those that were counted before, only the visits that changed since are looked at again.
    """
    if (asked := _asked_for(db, viewer, now)) is None:
        return 0

    def find(among: Collection[int] | None = None) -> frozenset[int]:
        query = select(*facts.VISIT).where(awaits_verdict(viewer, asked.limits, now))
        rows = db.execute(query if among is None else query.where(Visit.id.in_(among)))
        return _waiting_ids(db, [VisitFacts(*row) for row in rows], asked.rules, now)

    def read() -> _ToJudge:
        return _ToJudge(find(), now, until())

    def update(before: _ToJudge, visit_ids: Collection[int]) -> _ToJudge:
        if not before.since <= now < before.until:
            return _ToJudge(find(), now, until())
        if not visit_ids:
            return before
        ids = before.ids.difference(visit_ids) | find(visit_ids)
        return _ToJudge(ids, now, min(before.until, until()))

    key = ("to judge", viewer.person_id, viewer.unit_ids, viewer.principals, clock.civil_date(now))
    return len(updated_read(db, *key, subject="visit", read=read, update=update).ids)


@value_class
class _ToJudge:
    """The visits that waited for a viewer's verdict, and from when to when."""

    ids: frozenset[int]
    since: datetime
    until: datetime

    def __len__(self) -> int:
        """How much it holds."""
        return len(self.ids) + 1


@value_class
class _Asked:
    """By which rules visits are looked at, and by which limits they are found."""

    rules: Sequence[Rule]
    limits: JudgedFrom


def _asked_for(db: Session, viewer: Viewer, now: datetime) -> _Asked | None:
    """None where nothing may wait for the viewer's verdict."""
    on = clock.civil_date(now)
    periods = [Period.holding(kind, on) for kind in period_kinds(db)] if viewer.judges_any else []
    rules = rules_for_all(db, periods)
    if not rules:
        return None
    limits = JudgedFrom(
        min(period.before.first for period in periods),
        # the strictest: `waits_for_verdict` then decides by each rule
        min(rule.log_within_days for rule in rules),
        min(limits_for_stays(rules), default=None),
    )
    return _Asked(rules, limits)


def _waiting_ids(
    db: Session, visits: Iterable[VisitFacts], rules: Sequence[Rule], now: datetime
) -> frozenset[int]:
    found = list(visits)
    late = late_by_duty(db, Visit.id.in_([visit.id for visit in found]))
    return frozenset(
        visit.id for visit in found if waits_for_verdict(visit, rules, now, late_by=late[visit.id])
    )


def days_entered_late(db: Session, visit_ids: Collection[int]) -> dict[int, int]:
    """By visit of several dates, how many days late they were entered at most."""
    late = late_by_duty(db, Visit.id.in_(visit_ids))
    return {visit_id: max(by_duty.values()) for visit_id, by_duty in late.items() if by_duty}


def ids_awaiting_verdict(db: Session, visits: Iterable[SeenVisit], now: datetime) -> frozenset[int]:
    """Which of the visits were logged or entered too late for a rule, and wait for a verdict."""
    # most visits are in time: for them no rule is read
    late = [visit for visit in visits if visit.verdict is None and _may_be_late(visit)]
    if not late:
        return frozenset()

    late_by = late_by_duty(db, Visit.id.in_([visit.id for visit in late]))
    first = min(visit.first_on for visit in late) - LONGEST_PERIOD
    rules = rules_holding(db, first, max(visit.last_on for visit in late))

    return frozenset(
        visit.id
        for visit in late
        if waits_for_verdict(
            _facts_of_seen(visit),
            rules_judging(rules, visit.first_on, visit.last_on),
            now,
            late_by=late_by[visit.id],
        )
    )


def _may_be_late(visit: SeenVisit) -> bool:
    """Whether it was logged after its last date, or covers dates that were entered late."""
    return visit.first_on < visit.last_on or is_logged_late(visit.last_on, visit.logged_at, 0)


def limits_for_stays(rules: Iterable[Rule]) -> Iterator[int]:
    """The limits of those rules that allow the days of a stay to be entered only so late."""
    for rule in rules:
        if rule.counts_days and rule.stay_within_days is not None:
            yield rule.stay_within_days


def _facts(visit: Visit) -> VisitFacts:
    return VisitFacts(**{field.name: getattr(visit, field.name) for field in fields(VisitFacts)})


def _facts_of_seen(visit: SeenVisit) -> VisitFacts:
    # a visit before a viewer has its leader as a person
    names = {field.name for field in fields(VisitFacts)} - {"leader_id"}
    return VisitFacts(**{name: getattr(visit, name) for name in names}, leader_id=visit.leader.id)


def last_dates_to_log(db: Session, stays: Iterable[Stay]) -> dict[int, date]:
    """By stay, the last date on which any rule of its people lets it be set done in time.

    At least three days after its last date, also where no rule counts it.
    """
    found = {stay.id: stay for stay in stays}
    if not found:
        return {}

    duties = _duties(db, list(found))
    first = min(stay.first_on for stay in found.values()) - LONGEST_PERIOD
    rules = rules_holding(db, first, max(stay.last_on for stay in found.values()))
    return {
        stay_id: stay.last_on + timedelta(days=_within(stay, rules, duties[stay_id]))
        for stay_id, stay in found.items()
    }


def rules_judging(rules: Iterable[Rule], first_on: date, last_on: date) -> Iterator[Rule]:
    """The rules by which a period is judged that holds one of the dates (REGIME 4)."""
    for rule in rules:
        period = Period.holding(rule.period, first_on)
        while period.first <= last_on:
            if rule.holds_on(period.first):
                yield rule
                break
            period = period.after


def _within(stay: Stay, rules: Iterable[Rule], duties: set[Duty]) -> int:
    allowed = [
        rule.log_within_days
        for rule in rules_judging(rules, stay.first_on, stay.last_on)
        if rule.duty in duties and rule.takes(stay)
    ]
    # REGIME 3: 3 days at least, also where no rule counts it
    return max([DAYS_TO_LOG, *allowed])


def _duties(db: Session, visit_ids: list[int]) -> defaultdict[int, set[Duty]]:
    """By visit, the duties that its people hold in their primary postings on its dates."""
    led = select(Visit.id.label("visit_id"), Visit.leader_id.label("person_id"))
    joined = select(VisitParticipant.visit_id, VisitParticipant.person_id)
    people = union(
        led.where(Visit.id.in_(visit_ids)), joined.where(VisitParticipant.visit_id.in_(visit_ids))
    ).subquery()
    rows = db.execute(
        select(people.c.visit_id, Posting.duty)
        .join(Visit, Visit.id == people.c.visit_id)
        .join(Posting, Posting.person_id == people.c.person_id)
        .where(
            Posting.is_primary,
            Posting.from_on <= Visit.last_on,
            or_(Posting.to_on.is_(None), Posting.to_on >= Visit.first_on),
        )
    )
    duties: defaultdict[int, set[Duty]] = defaultdict(set)
    for visit_id, duty in rows:
        duties[visit_id].add(duty)

    return duties
