"""The visits that wait for a verdict of whoever looks at the board (REGIME 3)."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base import clock, formatting
from crm.people.queries import Viewer
from crm.quotas.counting import waits_for_verdict
from crm.quotas.facts import late_by_duty
from crm.quotas.queries import rules_holding
from crm.quotas.rules import VisitFacts
from crm.quotas.stays import LONGEST_PERIOD, judging
from crm.quotas.verdicts import to_judge as to_judge
from crm.visits.models import Visit
from crm.visits.redaction import SeenVisit, shown
from crm.visits.rules import is_logged_late
from crm.web.visits.rows import VisitLine, line

LED = "leader_id"  # of which a visit that is seen has the person


@dataclass(frozen=True, slots=True)
class Late:
    """A visit that was logged late and counts only once it is confirmed."""

    line: VisitLine
    why: str


def late_ones(db: Session, viewer: Viewer, visits: list[Visit], now: datetime) -> list[Late]:
    """These visits, as the viewer may see them, with how late they were logged."""
    on = clock.civil_date(now)
    late = late_by_duty(db, Visit.id.in_([visit.id for visit in visits]))
    return [
        Late(line(seen, now), _how_late(seen, max(late[seen.id].values(), default=0), on))
        for seen in shown(db, viewer, visits, on)
    ]


def waiting_ids(db: Session, visits: Iterable[SeenVisit], now: datetime) -> frozenset[int]:
    """Which of the visits were logged or entered too late for a rule, and wait for a verdict."""
    late = [one for one in visits if one.verdict is None and _may_be_late(one)]
    if not late:
        return frozenset()

    late_by = late_by_duty(db, Visit.id.in_([one.id for one in late]))
    first = min(one.first_on for one in late) - LONGEST_PERIOD
    rules = rules_holding(db, first, max(one.last_on for one in late))

    return frozenset(
        one.id
        for one in late
        if waits_for_verdict(
            _as_facts(one),
            judging(rules, one.first_on, one.last_on),
            now,
            late_by=late_by[one.id],
        )
    )


def _may_be_late(seen: SeenVisit) -> bool:
    """Whether it was logged after its last date, or covers dates that were entered late."""
    if seen.first_on < seen.last_on:
        return True
    return seen.logged_at is not None and is_logged_late(seen.last_on, seen.logged_at, 0)


def _as_facts(seen: SeenVisit) -> VisitFacts:
    own = {each.name: getattr(seen, each.name) for each in fields(VisitFacts) if each.name != LED}
    return VisitFacts(**own, leader_id=seen.leader.id)


def _how_late(seen: SeenVisit, late_by_days: int, today: date) -> str:
    """How late it was set done, and how late the dates of one that covers several were entered."""
    told = []
    if seen.logged_at and is_logged_late(seen.last_on, seen.logged_at, 0):
        logged_on = clock.civil_date(seen.logged_at)
        days = (logged_on - seen.last_on).days
        told.append(f"结束 {days} 天后登记（{formatting.dated(logged_on, today)}）")
    if seen.first_on < seen.last_on and late_by_days:
        told.append(f"最早一天过去 {late_by_days} 天后才录入")
    return "；".join(told)
