"""The visits that count only once a supervisor has confirmed them (REGIME 3)."""

from dataclasses import fields
from datetime import datetime

from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.periods import Period
from crm.people.queries import Viewer
from crm.quotas.counting import waits_for_verdict
from crm.quotas.queries import period_kinds, rules_for
from crm.quotas.rules import VisitFacts
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
    within = min(rule.log_within_days for rule in rules)
    visits = awaiting_verdict(db, viewer, since=since, within_days=within, as_of=now)
    return [visit for visit in visits if waits_for_verdict(_facts(visit), rules, now)]


def _facts(visit: Visit) -> VisitFacts:
    return VisitFacts(**{each.name: getattr(visit, each.name) for each in fields(VisitFacts)})
