"""The zone of a day: as a story, and judged without a database."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache

from crm.base.clock import civil_date, last_civil_date
from crm.base.periods import Period, PeriodKind, days
from crm.cli import seeds
from crm.demo.events import Scenario, VisitEvent
from crm.demo.files import Files
from crm.demo.relative_dates import RelativeDates
from crm.demo.scenario import build_scenario
from crm.quotas.rules import Figure, VisitFacts
from tests.quotas.values import Case, Tenure, judge_figure, terms_in


@cache
def story_of(day: date) -> Scenario:
    """What is told of the zone of that day."""
    return build_scenario(Files.read(), RelativeDates(day, seeds.calendar()))


def periods_around(day: date) -> list[Period]:
    """The last and the current week and month."""
    week, month = (Period.holding(kind, day) for kind in (PeriodKind.WEEK, PeriodKind.MONTH))
    return [week.before, week, month.before, month]


def figures(story: Scenario, period: Period, as_of: datetime) -> Iterator[Figure]:
    """Everybody's figures of the period."""
    visits = _visits(story, period)
    absent = defaultdict(set)
    for absence in story.absences:
        if absence.is_approved:
            absent[absence.username].update(days(absence.from_on, absence.to_on))
    for rule in seeds.rules():
        if rule.period is period.kind:
            for who, held in _held(story, rule.duty, period).items():
                case = Case(rule, Tenure(who, frozenset(held), frozenset(absent[who])), period)
                terms = terms_in(case, as_of, calendar=seeds.calendar())
                yield judge_figure(visits[who], case, terms)


def _held(story, duty, period):
    held = defaultdict(set)
    for posting in story.postings:
        if posting.row.primary and posting.row.duty is duty:
            until = min(posting.to_on or date.max, period.last)
            held[posting.row.username].update(days(max(posting.from_on, period.first), until))
    return {who: dates for who, dates in held.items() if dates}


def _visits(story, period):
    by_person = defaultdict(list)
    for n, result in enumerate(story.visits):
        visit = _facts(n, result)
        if visit.first_on <= period.last and visit.last_on >= period.first:
            for who in {result.leader, *result.participants}:
                by_person[who].append(visit)
    return by_person


def _facts(n: int, told: VisitEvent) -> VisitFacts:
    return VisitFacts(
        id=n,
        ref=told.ref,
        kind=told.kind,
        channel=told.channel,
        status=told.status,
        starts_at=told.starts_at,
        ends_at=told.ends_at,
        first_on=civil_date(told.starts_at),
        last_on=last_civil_date(told.ends_at),
        leader_id=told.leader,
        entered_at=told.entered_at,
        logged_at=told.logged_at,
        verdict=told.verdict,
        verdict_at=told.verdict_at,
    )
