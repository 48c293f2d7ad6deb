"""The morning brief: what is on today, what is due, what is new (REGIME 5)."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil, civil_date
from crm.base.mail import Site
from crm.base.outbox import MessageKind
from crm.base.periods import DAY
from crm.base.value_class import value_class
from crm.base.workdays import WorkingCalendar
from crm.digests.content import DueLine, LeadName, VisitLine
from crm.digests.lines import due_lines, visit_line
from crm.digests.permissions import OF_UNITS, Visibility
from crm.digests.queries import (
    DueFact,
    VisitFact,
    active_people,
    due_followups,
    ended_stays,
    responsible_unit,
    visits_between,
)
from crm.digests.rules import evening_of
from crm.digests.truncated import Truncated
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import role_held_on
from crm.leads.redaction import lead_labels
from crm.mailing.service import Envelope, post
from crm.people.models import Unit
from crm.people.permissions import Viewer, viewers
from crm.people.rules import WITH_RECORDS, Role
from crm.quotas.pending_visits import last_dates_to_log, visits_to_judge
from crm.quotas.permissions import FigureScope, figure_scopes
from crm.quotas.queries import working_calendar
from crm.supervision.assignees import WaitingOrder, possible_assignees, waiting_for
from crm.supervision.workflow import Wait
from crm.visits.rules import Status

SOON = timedelta(days=3)  # an order that waits for an answer is listed so long before its due date
MOST = 15  # lines of a list: a brief is read on the way


@value_class
class NewLead:
    """A lead that was entered since the last brief; a reader may not be allowed to know it."""

    id: int
    entered_by_id: int | None
    unit_id: int | None
    unit_name: str | None
    named_ids: frozenset[int]  # people with a role on it


@value_class
class NewLeadLine:
    """A new lead that the reader may know."""

    lead: LeadName
    unit_name: str | None


@value_class
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


@value_class
class Brief:
    """One person's morning brief; false where there is nothing to say."""

    name: str
    on: date
    at: datetime
    is_late: bool
    since: datetime  # the moment of the brief before
    visits: Truncated[VisitLine]
    ended: Truncated[VisitLine]  # stays that wait to be completed, as long as that is in time
    due: Truncated[DueLine]
    orders: Truncated[OrderLine]
    leads: Truncated[NewLeadLine]
    to_judge: int  # visits that wait for the reader's verdict

    def __bool__(self) -> bool:
        return bool(
            self.visits or self.ended or self.due or self.orders or self.leads or self.to_judge
        )


@value_class
class BriefFacts:
    """The facts of one morning, read once for all recipients."""

    at: datetime
    since: datetime
    visits: Sequence[VisitFact]
    ended: Sequence[VisitFact]
    due: Mapping[int, Sequence[DueFact]]
    leads: Sequence[NewLead]
    possible_assignees: frozenset[int]  # people for whom an order may wait

    @property
    def on(self) -> date:
        return civil_date(self.at)


def make_briefs(db: Session, *, at: datetime, late: bool, site: Site) -> Mapping[str, int]:
    """Brief everyone who works with records and has something today; how many were made."""
    counts: Counter[str] = Counter()
    facts = _gather(db, at)
    people = [person for person in active_people(db, at) if person.role in WITH_RECORDS]
    readers = list(viewers(db, people, facts.on))
    scopes = figure_scopes(db, readers, facts.on)

    for reader in readers:
        brief = _brief(db, facts, reader, scopes[reader.person_id], late=late)
        envelope = Envelope(
            MessageKind.MORNING_BRIEF,
            f"{MessageKind.MORNING_BRIEF.value}:zone:{reader.person.username}:{brief.on}:-",
            at,
            expires_at=evening_of(at),
        )
        is_made = brief and post(db, envelope, person=reader.person, site=site, brief=brief)
        counts["made" if is_made else "empty"] += 1

    return counts


def _gather(db: Session, at: datetime) -> BriefFacts:
    on = civil_date(at)
    # After a weekend or holiday, what is new covers all the days without a brief.
    since = at_civil(_workday_before(working_calendar(db), on), civil(at).time())
    ended = _stays_to_complete(db, at)
    ended_ids = {visit.facts.id for visit in ended}
    # A stay that ended is listed once, among those to complete, not also as today's plan.
    planned = [
        visit
        for visit in visits_between(db, on, on, at)
        if visit.status is Status.PLANNED and visit.facts.id not in ended_ids
    ]

    return BriefFacts(
        at=at,
        since=since,
        visits=planned,
        ended=ended,
        due=due_followups(db, on, at),
        leads=_new_leads(db, since, at),
        possible_assignees=possible_assignees(db, at),
    )


def _stays_to_complete(db: Session, at: datetime) -> list[VisitFact]:
    """The stays that have ended, as long as a rule of their people lets them be completed."""
    ended = ended_stays(db, at)
    until = last_dates_to_log(db, [visit.facts for visit in ended])
    return [visit for visit in ended if civil_date(at) <= until[visit.facts.id]]


def _workday_before(calendar: WorkingCalendar, on: date) -> date:
    on -= DAY
    while not calendar.is_workday(on):
        on -= DAY
    return on


def _new_leads(db: Session, since: datetime, at: datetime) -> list[NewLead]:
    """The leads entered since then, with today's unit and the people named on them."""
    on = civil_date(at)
    is_new = (Lead.entered_at > since) & (Lead.entered_at <= at)
    named_ids: defaultdict[int, set[int]] = defaultdict(set)
    roles = select(LeadRole.lead_id, LeadRole.person_id).join(Lead, Lead.id == LeadRole.lead_id)

    for lead_id, person_id in db.execute(roles.where(is_new, role_held_on(on))):
        if person_id:  # None: the role of a unit
            named_ids[lead_id].add(person_id)

    unit_names = dict(db.execute(select(Unit.id, Unit.name)).all())
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
            unit_names.get(row.unit_id),
            frozenset(named_ids[row.id]),
        )
        for row in rows
    ]


def _brief(
    db: Session, facts: BriefFacts, reader: Viewer, scope: FigureScope, *, late: bool
) -> Brief:
    visits = [visit for visit in facts.visits if visit.is_of(reader.person_id)]
    ended = [visit for visit in facts.ended if visit.is_of(reader.person_id)]
    due = facts.due.get(reader.person_id, ())
    leads = [lead for lead in facts.leads if _is_news(lead, reader)]

    lead_ids = {lead_id for visit in (*visits, *ended) for lead_id in visit.lead_ids}
    lead_ids |= {followup.lead_id for followup in due} | {lead.id for lead in leads}
    labels = lead_labels(db, reader, lead_ids, facts.on)
    visibility = Visibility(reader, scope, labels, visit_ids=frozenset())
    # REGIME 2: of a hidden new lead not even the code name is listed.
    known = [lead for lead in leads if visibility.knows_lead(lead.id)]

    return Brief(
        name=reader.person.name,
        on=facts.on,
        at=facts.at,
        is_late=late,
        since=facts.since,
        visits=_visit_lines(visits, visibility),
        ended=_visit_lines(ended, visibility),
        due=Truncated.of(due_lines(due, visibility, facts.on), MOST),
        orders=Truncated.of(_order_lines(db, facts, reader, scope), MOST),
        leads=Truncated.of(
            [NewLeadLine(visibility.lead_name(lead.id), lead.unit_name) for lead in known], MOST
        ),
        to_judge=len(visits_to_judge(db, reader, facts.at))
        if reader.role is Role.SUPERVISOR
        else 0,
    )


def _is_news(lead: NewLead, reader: Viewer) -> bool:
    """Whether it is of the reader's units or names the reader, and another entered it."""
    if lead.entered_by_id == reader.person_id:
        return False
    is_of_units = reader.role in OF_UNITS and lead.unit_id in reader.unit_ids
    return is_of_units or reader.person_id in lead.named_ids


def _visit_lines(visits: Sequence[VisitFact], visibility: Visibility) -> Truncated[VisitLine]:
    lines = [visit_line(visit, visibility, minutes=False) for visit in visits]
    return Truncated.of(lines, MOST)


def _order_lines(
    db: Session, facts: BriefFacts, reader: Viewer, scope: FigureScope
) -> list[OrderLine]:
    """The orders that wait for the reader; for an answer, only once the due date is near."""
    if reader.person_id not in facts.possible_assignees:
        return []

    near = facts.on + SOON

    return [
        _order_line(waiting, facts.on)
        for waiting in waiting_for(db, reader, facts.at, scope)
        if (waiting.order.issued_at or waiting.order.drafted_at) <= facts.at
        and (
            waiting.wait is not Wait.ANSWER
            or waiting.order.due_on is None
            or waiting.order.due_on <= near
        )
    ]


def _order_line(waiting: WaitingOrder, on: date) -> OrderLine:
    order = waiting.order
    return OrderLine(
        id=order.id,
        number=order.number_text,
        matter=order.matter,
        unit_name=order.unit.name,
        wait=waiting.wait,
        due_on=order.due_on,
        is_due_today=order.due_on == on,
        days_overdue=waiting.days_overdue,
    )
