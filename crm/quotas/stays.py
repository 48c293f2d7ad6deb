"""Until when a stay that has ended may be set done in time (待办结, REGIME 3)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Protocol

from sqlalchemy import or_, select, union
from sqlalchemy.orm import Session

from crm.base.periods import Period
from crm.people.models import Posting
from crm.people.rules import Duty
from crm.quotas.queries import rules_holding
from crm.quotas.rules import DAYS_TO_LOG, Rule
from crm.visits.models import Visit, VisitParticipant
from crm.visits.rules import Channel, Kind

LONGEST_PERIOD = timedelta(days=366)  # whose version may have begun so long before the visit


class Stay(Protocol):
    """A visit as far as the rules that count it need it."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def kind(self) -> Kind:
        """What it is."""

    @property
    def channel(self) -> Channel:
        """How people meet."""

    @property
    def first_on(self) -> date:
        """Its first date."""

    @property
    def last_on(self) -> date:
        """Its last date."""


def settle_until(db: Session, stays: Iterable[Stay]) -> dict[int, date]:
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


def judging(rules: Iterable[Rule], first_on: date, last_on: date) -> Iterator[Rule]:
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
        for rule in judging(rules, stay.first_on, stay.last_on)
        if rule.duty in duties and rule.takes(stay)
    ]
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
