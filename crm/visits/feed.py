"""A person's calendar as an iCalendar file for other programs (ENTRY 4)."""

from collections.abc import Iterable
from datetime import date, datetime

from crm.base.periods import DAY
from crm.base.value_class import value_class
from crm.leads.rules import Secrecy
from crm.people.models import Absence
from crm.visits.redaction import SeenVisit
from crm.visits.rules import Kind, Status

BUSY = "忙"


@value_class
class FeedEvent:
    """An event of the feed: instants, or dates where it takes whole days."""

    uid: str
    summary: str
    begins: datetime | date
    ends: datetime | date  # exclusive
    made_at: datetime
    place: str = ""
    url: str = ""
    is_planned: bool = False


def visit_events(visits: Iterable[SeenVisit], base_url: str) -> list[FeedEvent]:
    """The visits before the owner of the feed; of restricted or hidden leads nothing but 忙."""
    return [_visit(visit, base_url) for visit in visits]


def _visit(visit: SeenVisit, base_url: str) -> FeedEvent:
    is_stay = visit.kind is Kind.RESIDENCY
    begins, ends = (
        (visit.first_on, visit.last_on + DAY) if is_stay else (visit.starts_at, visit.ends_at)
    )
    uid, is_planned = f"{visit.ref}@crm", visit.status is Status.PLANNED
    if _is_secret(visit):
        return FeedEvent(uid, BUSY, begins, ends, visit.entered_at, is_planned=is_planned)

    of_leads = [lead.company or lead.text for lead in visit.leads]
    names = dict.fromkeys([*of_leads, *filter(None, (row.name for row in visit.companies))])
    summary = f"{visit.kind.label} {'、'.join(names) or visit.city}".strip()
    return FeedEvent(
        uid,
        summary,
        begins,
        ends,
        visit.entered_at,
        visit.city,
        f"{base_url}/visits/{visit.id}",
        is_planned,
    )


def _is_secret(visit: SeenVisit) -> bool:
    """Whether a lead of it is restricted, or hidden from the owner: a feed leaves the product."""
    is_hidden = any(row.is_hidden for row in visit.companies)
    return is_hidden or any(
        lead.id is None or lead.secrecy is Secrecy.RESTRICTED for lead in visit.leads
    )


def absence_events(absences: Iterable[Absence], now: datetime) -> list[FeedEvent]:
    """Absences as whole days."""
    return [
        FeedEvent(
            f"absence-{absence.id}@crm",
            absence.kind.label,
            absence.from_on,
            absence.to_on + DAY,
            absence.approved_at or now,
        )
        for absence in absences
    ]


def as_file(events: Iterable[FeedEvent], name: str) -> bytes:
    """The events as an iCalendar file (RFC 5545)."""
    # only feeds need it, and a web worker need not load it at its start
    from icalendar import Calendar, Event  # noqa: PLC0415

    calendar = Calendar()
    calendar.add("prodid", "-//crm//calendar//ZH")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", name)
    for each in events:
        event = Event()
        event.add("uid", each.uid)
        event.add("summary", each.summary)
        event.add("dtstamp", each.made_at)
        event.add("dtstart", each.begins)
        event.add("dtend", each.ends)
        event.add("status", "TENTATIVE" if each.is_planned else "CONFIRMED")
        if each.place:
            event.add("location", each.place)
        if each.url:
            event.add("url", each.url)
        calendar.add_component(event)
    file: bytes = calendar.to_ical()
    return file
