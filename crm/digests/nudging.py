"""A word in time to whoever falls behind, and to the supervisor where it is too late (REGIME 5)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.outbox import Message, MessageKind
from crm.base.periods import Period, PeriodKind
from crm.digests.content import FigureLine, Listed, VisitLine
from crm.digests.levels import Counts, keep_levels
from crm.digests.lines import figure_line, visit_line
from crm.digests.permissions import Sight, visible_ids
from crm.digests.queries import VisitFact, active_people, visits_between
from crm.digests.rules import NUDGED, evening_of
from crm.leads.queries import lead_labels
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.queries import viewer
from crm.quotas.permissions import figure_scope, supervisors_on
from crm.quotas.queries import PersonFigure, figures
from crm.quotas.rules import FigureStatus, Measure
from crm.visits.rules import Status

MOST_PLANNED = 10


@dataclass(frozen=True, slots=True)
class Nudge:
    """A word in time about one figure, to the person or to the supervisor."""

    line: FigureLine
    reader_name: str
    is_own: bool
    is_late: bool
    plan: Listed[VisitLine]  # what the person has planned for the period
    at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """A nudge that has not been given: about whose figure, to whom, under which key."""

    one: PersonFigure
    reader: Person
    key: str

    @property
    def is_own(self) -> bool:
        """Whether the reader is the person whom it is about."""
        return self.reader.id == self.one.person_id


def nudge(db: Session, *, at: datetime, late: bool, site: Site) -> Mapping[str, int]:
    """Tell those who are behind in a period that holds the date, once a rule, period and level.

    After three noons running at neither level they are told of each again.
    """
    made: Counter[str] = Counter()

    for kind in PeriodKind:
        period = Period.holding(kind, civil_date(at))
        judged = figures(db, period=period, as_of=at)
        counts = keep_levels(db, judged, at)
        behind = [one for one in judged if one.figure.status in NUDGED]
        due = _not_given(db, _addressed(db, behind, counts, at)) if behind else []
        visits = visits_between(db, period.first, period.last, at) if due else []
        for each in due:
            _give(db, each, _told(db, each, visits, at=at, late=late), site)
            made["told" if each.is_own else "supervisors"] += 1

    return made


def _addressed(
    db: Session, behind: Iterable[PersonFigure], counts: Counts, at: datetime
) -> Iterator[Due]:
    people = {person.id: person for person in active_people(db, at)}
    supervisors = supervisors_on(db, civil_date(at))

    for one in behind:
        rule, status, period = one.figure.rule, one.figure.status, one.figure.period
        count = counts[rule.code, one.person_id]
        ending = f"{period.name}:{status.value}{f':{count}' if count > 1 else ''}"
        if person := people.get(one.person_id):
            yield Due(one, person, f"nudge:{rule.code}:{one.username}:{ending}")
        if status is FigureStatus.UNREACHABLE:
            # the subject names the person too: a supervisor hears of several
            subject = f"{rule.code}/{one.username}"
            for other in supervisors.of_figure(one):
                reader = people[other]
                yield Due(one, reader, f"nudge:{subject}:{reader.username}:{ending}")


def _not_given(db: Session, wanted: Iterable[Due]) -> list[Due]:
    """Those whose key is not in the outbox yet; the key itself stops whoever comes between."""
    due = list(wanted)
    keys = [each.key for each in due]
    given = set(db.scalars(select(Message.dedupe_key).where(Message.dedupe_key.in_(keys))))
    return [each for each in due if each.key not in given]


def _told(
    db: Session, each: Due, visits: Iterable[VisitFact], *, at: datetime, late: bool
) -> Nudge:
    planned = [
        visit
        for visit in visits
        if visit.status is Status.PLANNED
        and visit.facts.ends_at > at
        and _would_count(visit, each.one)
    ]
    on = civil_date(at)
    eyes = viewer(db, each.reader, on)
    lead_ids = {lead_id for visit in planned for lead_id in visit.lead_ids}
    shown = visible_ids(db, eyes, {visit.facts.id for visit in planned}, on)
    labels = lead_labels(db, eyes, lead_ids, on)
    sight = Sight(eyes, figure_scope(db, eyes, on), labels, shown)
    lines = [
        visit_line(visit, sight, minutes=False)
        for visit in planned
        if each.is_own or visit.facts.id in shown
    ]

    return Nudge(
        line=figure_line(each.one, at),
        reader_name=each.reader.name,
        is_own=each.is_own,
        is_late=late,
        plan=Listed.first(lines, MOST_PLANNED),
        at=at,
    )


def _would_count(visit: VisitFact, one: PersonFigure) -> bool:
    """Whether the visit, once done, is of a kind that the rule takes from this person."""
    rule = one.figure.rule
    is_theirs = (
        visit.facts.leader_id == one.person_id
        if rule.measure is Measure.VISITS_LED
        else visit.is_of(one.person_id)
    )
    return is_theirs and visit.facts.kind in rule.kinds and visit.facts.channel in rule.channels


def _give(db: Session, each: Due, told: Nudge, site: Site) -> None:
    letter = Envelope(MessageKind.NUDGE, each.key, told.at, expires_at=evening_of(told.at))
    post(db, letter, person=each.reader, site=site, nudge=told)
