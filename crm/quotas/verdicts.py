"""The visits that count only once a supervisor has confirmed them (REGIME 3)."""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import datetime

from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.periods import Period
from crm.people.queries import Viewer
from crm.quotas.counting import waits_for_verdict
from crm.quotas.facts import late_by_duty
from crm.quotas.queries import period_kinds, rules_for
from crm.quotas.rules import Rule, VisitFacts
from crm.visits.models import Visit
from crm.visits.queries import awaiting_verdict


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


def limits_for_stays(rules: Iterable[Rule]) -> Iterator[int]:
    """The limits of those rules that allow the days of a stay to be entered only so late."""
    for rule in rules:
        if rule.counts_days and rule.stay_within_days is not None:
            yield rule.stay_within_days


def _facts(visit: Visit) -> VisitFacts:
    return VisitFacts(**{each.name: getattr(visit, each.name) for each in fields(VisitFacts)})
