"""Which visits of a period wait to be logged, or for a verdict, found as the figures are read."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.periods import DAY, Period
from crm.base.value_class import value_class
from crm.quotas import facts
from crm.quotas.counting import waits_for_logging, waits_for_verdict
from crm.quotas.rules import PendingVisits, Rule, VisitFacts
from crm.visits.models import Visit
from crm.visits.rules import Status


@value_class
class WaitingVisit:
    """A visit that may still change figures."""

    id: int
    people: frozenset[int]  # who led or joined it, of those whose visits were read
    to_log: bool
    to_judge: bool


def waiting_visits(
    db: Session,
    period: Period,
    by_person: Mapping[int, Sequence[VisitFacts]],
    rules: Sequence[Rule],
    as_of: datetime,
) -> list[WaitingVisit]:
    """The waiting ones of these visits, by the rules that hold on the period's first date."""
    in_time = (min((rule.log_within_days for rule in rules), default=0) - 1) * DAY
    visits: dict[int, VisitFacts] = {}
    people: defaultdict[int, set[int]] = defaultdict(set)

    for person_id, led_or_joined in by_person.items():
        for visit in led_or_joined:
            # nearly all visits last a day and are logged soon after
            at = visit.logged_at
            is_soon = at is not None and at <= as_of and at - visit.ends_at < in_time
            is_plain = is_soon and visit.first_on == visit.last_on
            if not is_plain and visit.status is not Status.CANCELLED:
                visits[visit.id] = visit
                people[visit.id].add(person_id)

    known = [visit for visit in visits.values() if visit.entered_at <= as_of]
    long = [visit.id for visit in known if visit.first_on < visit.last_on]
    few = Visit.id.in_(long) if len(long) <= facts.MOST_LISTED else facts.covering_by(period, as_of)
    late = facts.late_by_duty(db, few) if long else {}
    found = []

    for visit in known:
        to_log = waits_for_logging(visit, rules, as_of)
        to_judge = waits_for_verdict(visit, rules, as_of, late_by=late.get(visit.id, {}))
        if to_log or to_judge:
            found.append(WaitingVisit(visit.id, frozenset(people[visit.id]), to_log, to_judge))

    return found


def count_waiting(
    waiting: Collection[WaitingVisit], person_ids: Collection[int] | None
) -> PendingVisits:
    """How many of them these people led or joined; `None` means everyone."""
    people = None if person_ids is None else frozenset(person_ids)
    theirs = [visit for visit in waiting if people is None or visit.people & people]
    return PendingVisits(
        sum(visit.to_log for visit in theirs), sum(visit.to_judge for visit in theirs)
    )
