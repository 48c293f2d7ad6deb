"""The morning brief: what is on today, what is due, what is new (REGIME 5)."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil, civil_date
from crm.base.mail import Site
from crm.base.outbox import MessageKind
from crm.base.periods import DAY
from crm.base.workdays import WorkingCalendar
from crm.digests.content import DueLine, LeadName, Listed, VisitLine
from crm.digests.lines import visit_line
from crm.digests.permissions import OF_UNITS, Sight
from crm.digests.queries import (
    DueFact,
    VisitFact,
    active_people,
    due_by,
    ended_stays,
    responsible_unit,
    visits_between,
)
from crm.digests.rules import evening_of
from crm.leads.models import Lead, LeadRole
from crm.leads.queries import lead_labels, role_held_on
from crm.mailing.service import Envelope, post
from crm.people.models import Person, Unit
from crm.people.queries import Viewer, viewers
from crm.people.rules import WITH_RECORDS, Role
from crm.quotas.permissions import FigureScope, figure_scopes
from crm.quotas.queries import working_calendar
from crm.quotas.stays import settle_until
from crm.quotas.verdicts import to_judge
from crm.supervision.concerned import perhaps_waited_for
from crm.supervision.queries import WaitingOrder, waiting_for
from crm.supervision.rules import Wait
from crm.visits.rules import Status

NEAR = timedelta(days=3)  # before an order's due date
MOST = 15  # lines of one list: a brief is read on the way


@dataclass(frozen=True, slots=True)
class NewLead:
    """A lead that was entered since the last brief; whether one may know it is not said here."""

    id: int
    entered_by_id: int | None
    unit_id: int | None
    unit_name: str | None
    named: frozenset[int]  # the people with a role on it


@dataclass(frozen=True, slots=True)
class NewLine:
    """A new lead that the reader may know."""

    lead: LeadName
    unit_name: str | None


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A supervision order that waits for the reader; a draft has no number and no due date."""

    id: int
    number: str | None
    matter: str
    unit_name: str
    wait: Wait
    due_on: date | None
    is_due_today: bool
    days_overdue: int


@dataclass(frozen=True, slots=True)
class Brief:
    """What one person reads in the morning; with nothing to say it is false."""

    name: str
    on: date
    at: datetime
    is_late: bool
    since: datetime  # the brief before
    visits: Listed[VisitLine]
    ended: Listed[VisitLine]  # stays that wait to be set done, while it may be in time
    due: Listed[DueLine]
    orders: Listed[OrderLine]
    leads: Listed[NewLine]
    to_judge: int  # visits that wait for the reader's verdict

    def __bool__(self) -> bool:
        """Whether there is anything to say."""
        return bool(
            self.visits or self.ended or self.due or self.orders or self.leads or self.to_judge
        )


@dataclass(frozen=True, slots=True)
class Morning:
    """The facts of one morning, read once for everybody."""

    at: datetime
    since: datetime
    visits: Sequence[VisitFact]
    ended: Sequence[VisitFact]
    due: Mapping[int, Sequence[DueFact]]
    leads: Sequence[NewLead]
    waited_for: frozenset[int]  # the people for whom an order may wait

    @property
    def on(self) -> date:
        """The civil date."""
        return civil_date(self.at)


def make_briefs(db: Session, *, at: datetime, late: bool, site: Site) -> Mapping[str, int]:
    """Brief everybody who works with records and has something today."""
    made: Counter[str] = Counter()
    morning = _morning(db, at)
    readers = [person for person in active_people(db, at) if person.role in WITH_RECORDS]
    found = list(viewers(db, readers, morning.on))
    scopes = figure_scopes(db, found, morning.on)
    for eyes in found:
        brief = _brief(db, morning, eyes, scopes[eyes.person_id], late=late)
        made["made" if brief and _send(db, brief, eyes.person, site) else "empty"] += 1
    return made


def _morning(db: Session, at: datetime) -> Morning:
    on = civil_date(at)
    since = at_civil(_workday_before(working_calendar(db), on), civil(at).time())
    ended = _to_settle(db, at)
    waiting = {one.facts.id for one in ended}
    planned = [
        one
        for one in visits_between(db, on, on, at)
        if one.status is Status.PLANNED and one.facts.id not in waiting
    ]

    return Morning(
        at=at,
        since=since,
        visits=planned,
        ended=ended,
        due=due_by(db, on, at),
        leads=_entered(db, since, at),
        waited_for=perhaps_waited_for(db, at),
    )


def _to_settle(db: Session, at: datetime) -> list[VisitFact]:
    """The stays that have ended, as long as a rule of their people lets them be set done."""
    ended = ended_stays(db, at)
    until = settle_until(db, [one.facts for one in ended])
    return [one for one in ended if civil_date(at) <= until[one.facts.id]]


def _workday_before(calendar: WorkingCalendar, on: date) -> date:
    on -= DAY
    while not calendar.is_workday(on):
        on -= DAY
    return on


def _entered(db: Session, since: datetime, at: datetime) -> list[NewLead]:
    """The leads entered since then, each with its unit and those named on it today."""
    on = civil_date(at)
    is_new = (Lead.entered_at > since) & (Lead.entered_at <= at)
    named: defaultdict[int, set[int]] = defaultdict(set)
    roles = select(LeadRole.lead_id, LeadRole.person_id).join(Lead, Lead.id == LeadRole.lead_id)

    for lead_id, person_id in db.execute(roles.where(is_new, role_held_on(on))):
        if person_id:  # else a unit
            named[lead_id].add(person_id)

    units = dict(db.execute(select(Unit.id, Unit.name)).all())
    rows = db.execute(
        select(Lead.id, Lead.entered_by_id, responsible_unit(on).label("unit_id"))
        .where(is_new)
        .order_by(Lead.entered_at, Lead.id)
    )

    return [
        NewLead(
            row.id,
            row.entered_by_id,
            row.unit_id,
            units.get(row.unit_id),
            frozenset(named[row.id]),
        )
        for row in rows
    ]


def _brief(db: Session, morning: Morning, eyes: Viewer, scope: FigureScope, *, late: bool) -> Brief:
    visits = [one for one in morning.visits if one.is_of(eyes.person_id)]
    ended = [one for one in morning.ended if one.is_of(eyes.person_id)]
    due = morning.due.get(eyes.person_id, ())
    leads = [one for one in morning.leads if _is_news(one, eyes)]
    lead_ids = {lead_id for visit in (*visits, *ended) for lead_id in visit.lead_ids}
    lead_ids |= {one.lead_id for one in due} | {one.id for one in leads}
    sight = Sight(eyes, scope, lead_labels(db, eyes, lead_ids, morning.on), frozenset())
    known = [one for one in leads if sight.knows(one.id)]  # of the others not even a code name

    return Brief(
        name=eyes.person.name,
        on=morning.on,
        at=morning.at,
        is_late=late,
        since=morning.since,
        visits=Listed.first([visit_line(one, sight, minutes=False) for one in visits], MOST),
        ended=Listed.first([visit_line(one, sight, minutes=False) for one in ended], MOST),
        due=Listed.first([_due_line(one, sight, morning.on) for one in due], MOST),
        orders=Listed.first(_orders(db, eyes, scope, morning), MOST),
        leads=Listed.first([NewLine(sight.name_of(one.id), one.unit_name) for one in known], MOST),
        to_judge=len(to_judge(db, eyes, morning.at)) if eyes.role is Role.SUPERVISOR else 0,
    )


def _is_news(lead: NewLead, eyes: Viewer) -> bool:
    """Whether it is of the reader's units, or the reader is named on it; not what they entered."""
    if lead.entered_by_id == eyes.person_id:
        return False
    of_units = eyes.role in OF_UNITS and lead.unit_id in eyes.unit_ids
    return of_units or eyes.person_id in lead.named


def _due_line(one: DueFact, sight: Sight, on: date) -> DueLine:
    return DueLine(one.id, one.what, one.due_on, sight.name_of(one.lead_id), one.due_on < on)


def _orders(db: Session, eyes: Viewer, scope: FigureScope, morning: Morning) -> list[OrderLine]:
    """What waits for the reader; an answer, once its due date is near."""
    if eyes.person_id not in morning.waited_for:
        return []
    near = morning.on + NEAR
    return [
        _order_line(one, morning.on)
        for one in waiting_for(db, eyes, morning.at, scope)
        if (one.order.issued_at or one.order.drafted_at) <= morning.at
        and (one.wait is not Wait.ANSWER or one.order.due_on is None or one.order.due_on <= near)
    ]


def _order_line(one: WaitingOrder, on: date) -> OrderLine:
    order = one.order
    return OrderLine(
        id=order.id,
        number=order.number_text,
        matter=order.matter,
        unit_name=order.unit.name,
        wait=one.wait,
        due_on=order.due_on,
        is_due_today=order.due_on == on,
        days_overdue=one.days_overdue,
    )


def _send(db: Session, brief: Brief, person: Person, site: Site) -> bool:
    letter = Envelope(
        MessageKind.MORNING_BRIEF,
        f"{MessageKind.MORNING_BRIEF.value}:zone:{person.username}:{brief.on.isoformat()}:-",
        brief.at,
        expires_at=evening_of(brief.at),
    )
    return post(db, letter, person=person, site=site, brief=brief)
