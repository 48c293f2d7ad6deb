"""Which days of a visit would wait for a verdict, before it is kept (REGIME 3)."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date, last_civil_date
from crm.base.periods import Period, days
from crm.base.value_class import value_class
from crm.people.models import Posting
from crm.people.rules import Duty
from crm.quotas.pending_visits import LONGEST_PERIOD
from crm.quotas.queries import rules_holding
from crm.quotas.rules import Rule
from crm.visits.fields import VisitData
from crm.visits.late_entry import late_if_kept, late_now
from crm.visits.models import Visit
from crm.visits.rules import Channel, Kind


@value_class
class LateDays:
    """Days that count for these people only once a supervisor has confirmed them."""

    person_ids: tuple[int, ...]
    dates: tuple[date, ...]
    late_by_days: int
    within_days: int

    @property
    def token(self) -> str:
        """Names these days in an answer."""
        people = ",".join(map(str, self.person_ids))
        return f"late:{self.late_by_days}:{people}:{self.dates[0]}:{self.dates[-1]}"


@value_class
class Span:
    """A visit as far as its days may count."""

    kind: Kind
    channel: Channel
    first_on: date
    last_on: date


def waiting_days(db: Session, data: VisitData, visit: Visit | None, today: date) -> list[LateDays]:
    """The days that would wait if the visit were kept so; of a change, those it brings about."""
    first, last = civil_date(data.starts_at), last_civil_date(data.ends_at)
    late = late_if_kept(db, data, visit, today)
    found = late_days(db, Span(data.kind, data.channel, first, last), late)
    if visit is None:
        return found

    was = Span(visit.kind, visit.channel, visit.first_on, visit.last_on)
    # what waited before the change is not asked about again
    before = late_days(db, was, late_now(db, visit)) if found else []
    return [days for days in found if days not in before]


def late_days(db: Session, span: Span, late_by: Mapping[int, int]) -> list[LateDays]:
    """The days that some rule counts once confirmed; `late_by`: by person, how late they are."""
    late = {person_id: days for person_id, days in late_by.items() if days}
    # REGIME 3: days are entered late only of a visit that covers several dates
    if span.first_on == span.last_on or not late:
        return []

    limits = _limits(db, span)
    duties = _duties(db, list(late), span)
    found: defaultdict[tuple[int, int, tuple[date, ...]], list[int]] = defaultdict(list)

    for person_id, late_by_days in sorted(late.items()):
        for rule, dates in limits:
            within = rule.stay_within_days
            if rule.duty in duties[person_id] and within is not None and late_by_days > within:
                found[late_by_days, within, dates].append(person_id)

    return [
        LateDays(tuple(people), dates, late_by_days, within)
        for (late_by_days, within, dates), people in found.items()
    ]


def _limits(db: Session, span: Span) -> list[tuple[Rule, tuple[date, ...]]]:
    """The rules that count the visit's days, each with the days that it judges."""
    limits = []
    # a period is judged by the version of its first date, which may lie so far back
    for rule in rules_holding(db, span.first_on - LONGEST_PERIOD, span.last_on):
        counts = rule.counts_days and rule.takes(span)
        dates = tuple(
            on
            for on in days(span.first_on, span.last_on)
            if counts and rule.holds_on(Period.holding(rule.period, on).first)
        )
        if dates:
            limits.append((rule, dates))
    return limits


def _duties(db: Session, person_ids: list[int], span: Span) -> defaultdict[int, set[Duty]]:
    """By person, the duties held in primary postings on dates of the visit."""
    duties: defaultdict[int, set[Duty]] = defaultdict(set)
    rows = db.execute(
        select(Posting.person_id, Posting.duty).where(
            Posting.is_primary,
            Posting.person_id.in_(person_ids),
            Posting.from_on <= span.last_on,
            or_(Posting.to_on.is_(None), Posting.to_on >= span.first_on),
        )
    )
    for person_id, duty in rows:
        duties[person_id].add(duty)

    return duties
