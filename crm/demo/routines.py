"""Expands routines into visits: stays, led visits and contacts from home. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from crm.base.clock import at_civil, civil_date, last_civil_date
from crm.base.periods import DAY, Period
from crm.demo.context import EVENING, MONTHS, ScenarioContext, runs
from crm.demo.events import LeadEvent, VisitEvent
from crm.demo.files import Outing, Plans, Residency, Weekly
from crm.people.rules import Duty
from crm.visits.rules import HOME, Channel, Kind, Status

WEEKEND = 6
LOG_DELAYS = (0, 0, 1, 0, 2, 0, 1)  # days after a visit; all within the rule's three
WITHOUT_MINUTES = 6  # every so many visits still wait for their minutes
REPLAYED_DAYS = 45  # older visits are entered as done: no replayed digest needs their planning


def routine_visits(context: ScenarioContext) -> list[VisitEvent]:
    """All routine visits, past and planned, ordered by start."""
    routines = context.files.routines
    visits = [
        *(visit for row in routines.residencies for visit in _residencies(context, row)),
        *(visit for row in routines.outings for visit in _outings(context, row)),
        *(visit for row in routines.weekly for visit in _weekly(context, row)),
        *_contacts(context),
    ]
    visits.sort(key=lambda visit: (visit.starts_at, visit.leader))
    return [replace(visit, ref=f"BF-{n}") for n, visit in enumerate(visits, start=1001)]


def _months(context: ScenarioContext) -> Iterator[tuple[int, Period]]:
    # to the month after: some plan a month ahead
    for n in range(-MONTHS, 2):
        yield n, context.dates.month(n)


def _residencies(context: ScenarioContext, row: Residency) -> Iterator[VisitEvent]:
    since = context.dates.read(row.since) if row.since else date.min
    dates = [
        day
        for n, month in _months(context)
        for day in _resident_days(
            context, row.who, month, row.days if n or row.this_month is None else row.this_month
        )
        if day >= since
    ]

    for first, last in runs(dates):
        span = (at_civil(first, time(10)), at_civil(last, time(17, 30)))
        visit = _written(context, row.who, row.plans, span, Kind.RESIDENCY)
        if visit:
            lead = _next_lead(context, visit, first, city=row.city)
            yield _about(context, replace(visit, city=row.city), lead)


def _resident_days(context: ScenarioContext, who: str, month: Period, wanted: int) -> list[date]:
    """The month's resident days: mid-week working days first, then others, then weekends."""
    ranked = [
        (rank, day)
        for day in month.dates
        if context.is_present(who, day) and (rank := _rank(context, day)) is not None
    ]
    return sorted(day for _, day in sorted(ranked)[:wanted])


def _rank(context: ScenarioContext, day: date) -> int | None:
    if context.dates.calendar.is_workday(day):
        return 0 if day.isoweekday() in (2, 3, 4) else 1
    if day.isoweekday() < WEEKEND:
        return None  # a public holiday
    return day.isoweekday()


def _outings(context: ScenarioContext, row: Outing) -> Iterator[VisitEvent]:
    for n, month in _months(context):
        wanted = row.a_month if n or row.this_month is None else row.this_month
        workdays = context.workdays_of(row.who, month.first, month.last)
        for i in range(1, wanted + 1):
            # spread evenly; rounded up, as the working days are counted from 1
            if at := -(-i * len(workdays) // wanted):
                yield from _led_out(context, row.who, row.plans, workdays[at - 1])


def _weekly(context: ScenarioContext, row: Weekly) -> Iterator[VisitEvent]:
    # about as many weeks as the months of the other routines
    for n in range(-31, 2):
        week = context.dates.week(n)
        workdays = context.workdays_of(row.who, week.first, week.last)
        if n not in row.without and workdays:
            at = min(row.workday, len(workdays)) - 1
            yield from _led_out(context, row.who, row.plans, workdays[at])


def _led_out(context: ScenarioContext, who: str, plans: Plans, on: date) -> Iterator[VisitEvent]:
    begin = time(9, 30) if context.next_turn(f"time {who}") % 2 else time(14)
    starts_at = at_civil(on, begin)
    span = (starts_at, starts_at + timedelta(hours=2))
    if visit := _written(context, who, plans, span, Kind.OUTREACH):
        lead = _next_lead(context, visit, on)
        companions = [lead.row.tracker, *lead.row.members] if lead else []
        with_them = tuple(
            companion for companion in companions[:2] if context.is_present(companion, on)
        )
        yield _about(context, replace(visit, participants=with_them), lead)


def _contacts(context: ScenarioContext) -> Iterator[VisitEvent]:
    """Contacts by telephone, video or e-mail: recorded, but counting for no quota (REGIME 1)."""
    contacts = context.files.routines.contacts
    recruiters = {
        event.row.username for event in context.postings if event.row.duty is Duty.RECRUITER
    }
    at_home = [lead for lead in context.leads.values() if lead.row.tracker not in recruiters]

    for i, lead in enumerate(at_home):
        for n in range(-8, 1):
            # shifted lead by lead, so that not all are contacted on one day
            on = context.dates.on + timedelta(
                days=contacts.every_days * n + i % contacts.every_days
            )
            on = context.dates.workday_until(on)
            # only about leads that were known ten days before
            known = context.stage_of(lead, on - 10 * DAY) and context.stage_of(lead, on)
            if not known or not context.is_present(lead.row.tracker, on):
                continue
            way = contacts.ways[context.next_turn("way") % len(contacts.ways)]
            starts_at = at_civil(on, time(10 + i % 6))
            span = (starts_at, starts_at + timedelta(minutes=45))
            visit = _written(context, lead.row.tracker, Plans.WEEK, span, way.kind)
            if visit:
                yield _about(context, replace(visit, channel=way.channel), lead)


def _written(
    context: ScenarioContext, who: str, plans: Plans, span: tuple[datetime, datetime], kind: Kind
) -> VisitEvent | None:
    """The visit with when it was planned and logged; `None` where neither moment has come."""
    starts_at, ends_at = span
    delay = LOG_DELAYS[context.next_turn(f"log {who}") % len(LOG_DELAYS)]
    logged_at: datetime | None = at_civil(last_civil_date(ends_at) + delay * DAY, EVENING)
    planned_at = context.planned_at(plans, starts_at.date())
    if logged_at and not context.may_know(logged_at):
        logged_at = None

    # a stay is planned first however old it is: its month may be closed in the middle of it
    is_old = kind is not Kind.RESIDENCY and ends_at < at_civil(
        context.dates.on - REPLAYED_DAYS * DAY
    )
    entered_at = logged_at if is_old else planned_at or logged_at
    if entered_at is None or not context.may_know(entered_at):
        return None

    return VisitEvent(
        ref="",
        kind=kind,
        channel=Channel.IN_PERSON,
        status=Status.DONE if logged_at else Status.PLANNED,
        starts_at=starts_at,
        ends_at=ends_at,
        city="",
        leader=who,
        entered_at=entered_at,
        logged_at=logged_at,
        is_old=is_old,
    )


def _next_lead(
    context: ScenarioContext, visit: VisitEvent, on: date, city: str | None = None
) -> LeadEvent | None:
    """A lead that was active on the date and already known when the visit was entered."""
    # a plan cannot name a lead that is entered only later
    known_on = min(on, civil_date(visit.entered_at) - DAY)
    leads = [
        lead
        for lead in context.leads_of(visit.leader, on)
        if context.stage_of(lead, known_on) and city in (None, lead.row.city)
    ]
    return leads[context.next_turn(f"lead {visit.leader}") % len(leads)] if leads else None


def _about(context: ScenarioContext, visit: VisitEvent, lead: LeadEvent | None) -> VisitEvent:
    """The visit with its lead, the contact, and sentences that fit the lead's stage."""
    on = last_civil_date(visit.ends_at)
    stage = context.stage_of(lead, on) if lead else None
    words = context.files.texts.at(stage)
    n = context.next_turn(f"words {stage}")
    has_words = visit.status is Status.DONE and n % WITHOUT_MINUTES
    at_home = visit.kind is Kind.RECEPTION
    city = HOME if at_home else visit.city or (lead.row.city if lead else "上海")
    met, position = lead.row.contact if lead else ("", "")

    return replace(
        visit,
        city=city,
        leads=(lead.row.ref,) if lead and stage else (),
        met=met,
        position=position,
        minutes=words.minutes[n % len(words.minutes)] if has_words else "",
        next_step=words.next_step[n % len(words.next_step)] if has_words else "",
    )
