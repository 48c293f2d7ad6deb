"""Routines unfolded into visits: who stays in which city, leads a team out, calls whom. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from crm.base.clock import at_civil, civil_date, last_civil_date
from crm.base.periods import DAY, Period
from crm.demo.files import Outing, Plans, Residency, Weekly
from crm.demo.stage import EVENING, MONTHS, Scene, runs
from crm.demo.values import LeadTold, VisitTold
from crm.people.rules import Duty
from crm.visits.rules import Channel, Kind, Status

WEEKEND = 6
LOG_DELAYS = (0, 0, 1, 0, 2, 0, 1)  # days after a visit; all within the rule's three
WITHOUT_MINUTES = 6  # every so many visits still wait for their minutes
REPLAYED_DAYS = 45  # what ended before is entered as done: no digest of the lived days asks for it
HOME = "本区"


def routine_visits(scene: Scene) -> list[VisitTold]:
    """All visits of the half year, and those planned ahead, in the order of their beginning."""
    routines = scene.files.routines
    told = [
        *(visit for row in routines.residencies for visit in _residencies(scene, row)),
        *(visit for row in routines.outings for visit in _outings(scene, row)),
        *(visit for row in routines.weekly for visit in _weekly(scene, row)),
        *_contacts(scene),
    ]
    told.sort(key=lambda visit: (visit.starts_at, visit.leader))
    return [replace(visit, ref=f"BF-{n}") for n, visit in enumerate(told, start=1001)]


def _months(scene: Scene) -> Iterator[tuple[int, Period]]:
    for n in range(-MONTHS, 2):
        yield n, scene.when.month(n)


def _residencies(scene: Scene, row: Residency) -> Iterator[VisitTold]:
    since = scene.when.read(row.since) if row.since else date.min
    dates = [
        day
        for n, month in _months(scene)
        for day in _resident_days(
            scene, row.who, month, row.days if n or row.this_month is None else row.this_month
        )
        if day >= since
    ]

    for first, last in runs(dates):
        span = (at_civil(first, time(10)), at_civil(last, time(17, 30)))
        visit = _written(scene, row.who, row.plans, span, Kind.RESIDENCY)
        if visit:
            lead = _next_lead(scene, visit, first, city=row.city)
            yield _about(scene, replace(visit, city=row.city), lead)


def _resident_days(scene: Scene, who: str, month: Period, wanted: int) -> list[date]:
    """So many dates of the month: mid-week working days first, then other ones, then rest days."""
    ranked = [
        (rank, day)
        for day in month.dates
        if scene.is_there(who, day) and (rank := _rank(scene, day)) is not None
    ]
    return sorted(day for _, day in sorted(ranked)[:wanted])


def _rank(scene: Scene, day: date) -> int | None:
    if scene.when.calendar.is_workday(day):
        return 0 if day.isoweekday() in (2, 3, 4) else 1
    if day.isoweekday() < WEEKEND:
        return None  # a public holiday
    return day.isoweekday()


def _outings(scene: Scene, row: Outing) -> Iterator[VisitTold]:
    for n, month in _months(scene):
        wanted = row.a_month if n or row.this_month is None else row.this_month
        workdays = scene.workdays_of(row.who, month.first, month.last)
        for i in range(1, wanted + 1):
            if at := -(-i * len(workdays) // wanted):
                yield from _led_out(scene, row.who, row.plans, workdays[at - 1])


def _weekly(scene: Scene, row: Weekly) -> Iterator[VisitTold]:
    for n in range(-31, 2):
        week = scene.when.week(n)
        workdays = scene.workdays_of(row.who, week.first, week.last)
        if n not in row.without and workdays:
            at = min(row.workday, len(workdays)) - 1
            yield from _led_out(scene, row.who, row.plans, workdays[at])


def _led_out(scene: Scene, who: str, plans: Plans, on: date) -> Iterator[VisitTold]:
    begin = time(9, 30) if scene.turn(f"time {who}") % 2 else time(14)
    starts_at = at_civil(on, begin)
    span = (starts_at, starts_at + timedelta(hours=2))
    if visit := _written(scene, who, plans, span, Kind.OUTREACH):
        lead = _next_lead(scene, visit, on)
        companions = [lead.row.tracker, *lead.row.members] if lead else []
        with_them = tuple(each for each in companions[:2] if scene.is_there(each, on))
        yield _about(scene, replace(visit, participants=with_them), lead)


def _contacts(scene: Scene) -> Iterator[VisitTold]:
    """REGIME 1: telephone, video, e-mail when travel is hard; kept, and counting for nothing."""
    contacts = scene.files.routines.contacts
    recruiters = {told.row.username for told in scene.postings if told.row.duty is Duty.RECRUITER}
    at_home = [each for each in scene.leads.values() if each.row.tracker not in recruiters]

    for i, lead in enumerate(at_home):
        for n in range(-8, 1):
            on = scene.when.on + timedelta(days=contacts.every_days * n + i % contacts.every_days)
            on = scene.when.workday_until(on)
            known = scene.stage_of(lead, on - 10 * DAY) and scene.stage_of(lead, on)
            if not known or not scene.is_there(lead.row.tracker, on):
                continue
            way = contacts.ways[scene.turn("way") % len(contacts.ways)]
            starts_at = at_civil(on, time(10 + i % 6))
            span = (starts_at, starts_at + timedelta(minutes=45))
            visit = _written(scene, lead.row.tracker, Plans.WEEK, span, way.kind)
            if visit:
                yield _about(scene, replace(visit, channel=way.channel), lead)


def _written(
    scene: Scene, who: str, plans: Plans, span: tuple[datetime, datetime], kind: Kind
) -> VisitTold | None:
    """The visit, with when it was planned and logged; none where neither moment has come yet."""
    starts_at, ends_at = span
    delay = LOG_DELAYS[scene.turn(f"log {who}") % len(LOG_DELAYS)]
    logged_at: datetime | None = at_civil(last_civil_date(ends_at) + delay * DAY, EVENING)
    planned_at = scene.planned_at(plans, starts_at.date())
    if logged_at and not scene.may_know(logged_at):
        logged_at = None

    # a stay is planned first however old it is: its month may be closed in the middle of it
    is_old = kind is not Kind.RESIDENCY and ends_at < at_civil(scene.when.on - REPLAYED_DAYS * DAY)
    entered_at = logged_at if is_old else planned_at or logged_at
    if entered_at is None or not scene.may_know(entered_at):
        return None

    return VisitTold(
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
    scene: Scene, visit: VisitTold, on: date, city: str | None = None
) -> LeadTold | None:
    """A lead that is alive on the date, and was so the day before the visit was entered."""
    known_on = min(on, civil_date(visit.entered_at) - DAY)
    leads = [
        lead
        for lead in scene.leads_of(visit.leader, on)
        if scene.stage_of(lead, known_on) and city in (None, lead.row.city)
    ]
    return leads[scene.turn(f"lead {visit.leader}") % len(leads)] if leads else None


def _about(scene: Scene, visit: VisitTold, lead: LeadTold | None) -> VisitTold:
    """The visit with its lead, whom one met, and words that fit how far the lead is."""
    on = last_civil_date(visit.ends_at)
    stage = scene.stage_of(lead, on) if lead else None
    words = scene.files.texts.at(stage)
    n = scene.turn(f"words {stage}")
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
