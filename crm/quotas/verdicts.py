"""The visits that count only once a supervisor has confirmed them (REGIME 3)."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields
from datetime import datetime

from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.periods import Period
from crm.people.queries import Viewer
from crm.quotas.counting import waits_for_verdict
from crm.quotas.facts import late_by_duty
from crm.quotas.queries import period_kinds, rules_for, rules_holding
from crm.quotas.rules import Rule, VisitFacts
from crm.quotas.stays import LONGEST_PERIOD, judging
from crm.visits.models import Visit
from crm.visits.queries import awaiting_verdict
from crm.visits.redaction import SeenVisit
from crm.visits.rules import is_logged_late


def to_judge(db: Session, viewer: Viewer, now: datetime) -> list[Visit]:
    """What waits for the viewer's verdict in this and the last period of each kind, in time."""
    on = clock.civil_date(now)
    periods = [Period.holding(kind, on) for kind in period_kinds(db)] if viewer.judges else []
    rules = [rule for period in periods for rule in rules_for(db, period)]
    if not rules:
        return []

    since = min(period.before.first for period in periods)
    visits = awaiting_verdict(
        db,
        viewer,
        since=since,
        within_days=min(rule.log_within_days for rule in rules),
        stay_within=min(limits_for_stays(rules), default=None),
        as_of=now,
    )
    late = late_by_duty(db, Visit.id.in_([visit.id for visit in visits]))

    return [
        visit
        for visit in visits
        if waits_for_verdict(_facts(visit), rules, now, late_by=late[visit.id])
    ]


def days_entered_late(db: Session, visit_ids: Collection[int]) -> dict[int, int]:
    """By visit of several dates, how many days late they were entered at most."""
    late = late_by_duty(db, Visit.id.in_(visit_ids))
    return {visit_id: max(by_duty.values()) for visit_id, by_duty in late.items() if by_duty}


def waiting_ids(db: Session, visits: Iterable[SeenVisit], now: datetime) -> frozenset[int]:
    """Which of the visits were logged or entered too late for a rule, and wait for a verdict."""
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
            judging(rules, visit.first_on, visit.last_on),
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
    return VisitFacts(**{each.name: getattr(visit, each.name) for each in fields(VisitFacts)})


def _facts_of_seen(visit: SeenVisit) -> VisitFacts:
    # a visit before a viewer has its leader as a person
    names = {each.name for each in fields(VisitFacts)} - {"leader_id"}
    return VisitFacts(**{name: getattr(visit, name) for name in names}, leader_id=visit.leader.id)
