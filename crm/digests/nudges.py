"""Nudges: a mail in time to those who fall behind, and to supervisors of lost tasks (REGIME 5)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.outbox import Message, MessageKind
from crm.base.periods import Period, PeriodKind
from crm.base.value_class import value_class
from crm.digests.content import FigureLine, VisitLine
from crm.digests.figure_words import definition_of
from crm.digests.lines import figure_line, visit_line
from crm.digests.nudge_levels import Counts, update_levels
from crm.digests.permissions import visibility_of_visits
from crm.digests.queries import VisitFact, active_people, visits_between
from crm.digests.rules import evening_of
from crm.digests.truncated import Truncated
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.quotas.permissions import supervisors_on
from crm.quotas.queries import PersonFigure, explained_figures
from crm.quotas.rules import IN_DANGER, FigureStatus, Measure
from crm.visits.rules import Status

MOST_PLANNED = 10


@value_class
class Nudge:
    """The content of one nudge, to the person or to a supervisor."""

    line: FigureLine
    reader_name: str
    is_own: bool
    is_late: bool
    plan: Truncated[VisitLine]  # what the person has planned for the period
    at: datetime

    @property
    def definition(self) -> str:
        """What the rule asks of whom."""
        return definition_of(self.line.figure.rule)


@value_class
class DueNudge:
    """A nudge that is not in the outbox yet."""

    found: PersonFigure
    reader: Person
    key: str

    @property
    def is_own(self) -> bool:
        """Whether the reader is the person whose figure it is."""
        return self.reader.id == self.found.person_id


def send_nudges(db: Session, *, at: datetime, late: bool, site: Site) -> Mapping[str, int]:
    """Nudge once for each rule, period and level; how many nudges were made.

    After three noons in a row at neither level, each level is nudged again.
    """
    counts: Counter[str] = Counter()

    for kind in PeriodKind:
        period = Period.holding(kind, civil_date(at))
        judged = explained_figures(db, period=period, as_of=at)
        nudge_counts = update_levels(db, judged, at)
        behind = [found for found in judged if found.figure.status in IN_DANGER]
        # Most noons there is nothing new, and the visits need not be read.
        due = _not_sent(db, _addressed(db, behind, nudge_counts, at)) if behind else []
        visits = visits_between(db, period.first, period.last, at) if due else []

        for nudge in due:
            _send(db, nudge, _content(db, nudge, visits, at=at, late=late), site)
            counts["told" if nudge.is_own else "supervisors"] += 1

    return counts


def _addressed(
    db: Session, behind: Iterable[PersonFigure], nudge_counts: Counts, at: datetime
) -> Iterator[DueNudge]:
    """A nudge to each person, and to the supervisors where the figure cannot be reached."""
    people = {person.id: person for person in active_people(db, at)}
    supervisors = supervisors_on(db, civil_date(at))

    for found in behind:
        rule, status, period = found.figure.rule, found.figure.status, found.figure.period
        count = nudge_counts[rule.code, found.person_id]
        # The first nudge keeps the key without a count that it had before levels were kept.
        ending = f"{period.name}:{status.value}{f':{count}' if count > 1 else ''}"
        if person := people.get(found.person_id):
            yield DueNudge(found, person, f"nudge:{rule.code}:{found.username}:{ending}")
        if status is FigureStatus.UNREACHABLE:
            # A supervisor is nudged about several people, so the key names the person too.
            subject = f"{rule.code}/{found.username}"
            for supervisor_id in supervisors.of_figure(found):
                reader = people[supervisor_id]
                yield DueNudge(found, reader, f"nudge:{subject}:{reader.username}:{ending}")


def _not_sent(db: Session, nudges: Iterable[DueNudge]) -> list[DueNudge]:
    """Those whose key is not in the outbox yet; its unique key stops what comes in between."""
    wanted = list(nudges)
    keys = [nudge.key for nudge in wanted]
    sent = set(db.scalars(select(Message.dedupe_key).where(Message.dedupe_key.in_(keys))))
    return [nudge for nudge in wanted if nudge.key not in sent]


def _content(
    db: Session, nudge: DueNudge, visits: Iterable[VisitFact], *, at: datetime, late: bool
) -> Nudge:
    planned = [
        visit
        for visit in visits
        if visit.status is Status.PLANNED
        and visit.facts.ends_at > at
        and _would_count(visit, nudge.found)
    ]
    visibility = visibility_of_visits(db, nudge.reader, planned, civil_date(at))
    lines = [
        visit_line(visit, visibility, minutes=False)
        for visit in planned
        # REGIME 2: a supervisor sees only the visits that they may see anyway.
        if nudge.is_own or visit.facts.id in visibility.visit_ids
    ]

    return Nudge(
        line=figure_line(nudge.found, at),
        reader_name=nudge.reader.name,
        is_own=nudge.is_own,
        is_late=late,
        plan=Truncated.of(lines, MOST_PLANNED),
        at=at,
    )


def _would_count(visit: VisitFact, found: PersonFigure) -> bool:
    """Whether the rule would count the visit for this person, once it is done."""
    rule = found.figure.rule
    is_theirs = (
        visit.facts.leader_id == found.person_id
        if rule.measure is Measure.VISITS_LED
        else visit.is_of(found.person_id)
    )
    return is_theirs and visit.facts.kind in rule.kinds and visit.facts.channel in rule.channels


def _send(db: Session, nudge: DueNudge, content: Nudge, site: Site) -> None:
    expires_at = evening_of(content.at)
    envelope = Envelope(MessageKind.NUDGE, nudge.key, content.at, expires_at=expires_at)
    post(db, envelope, person=nudge.reader, site=site, nudge=content)
