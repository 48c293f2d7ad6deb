"""What lists of visits are narrowed to, as conditions on the visits that a viewer may see."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, exists, or_
from sqlalchemy.orm import Session

from crm.base.names import folded, spellings
from crm.leads.models import Company, Lead
from crm.leads.permissions import visible as visible_leads
from crm.leads.queries import matching
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.people.rules import WITH_RECORDS
from crm.visits.fields import VISIT_FIELDS
from crm.visits.models import Visit
from crm.visits.permissions import covering, of_leads, readable, visible
from crm.visits.rules import Channel, Kind, Status


@dataclass(frozen=True, slots=True)
class VisitFilter:
    """What a list of visits is narrowed to; what is left out narrows nothing."""

    text: str = ""
    kind: Kind | None = None
    channel: Channel | None = None
    status: Status | None = None
    person_id: int | None = None  # led or joined by that person
    lead_id: int | None = None
    trip: str | None = None
    first: date | None = None  # covers a date from here
    last: date | None = None  # to here


def are_own(viewer: Viewer, by: VisitFilter) -> bool:
    """Whether all visits asked for are led or joined by the viewer, and so visible (REGIME 2)."""
    return by.person_id == viewer.person_id and viewer.role in WITH_RECORDS


def conditions(db: Session, viewer: Viewer, on: date, by: VisitFilter) -> list[ColumnElement[bool]]:
    """What holds for the visits asked for, of those that the viewer may see on the date."""
    found: list[ColumnElement[bool]] = []
    if not are_own(viewer, by):
        found.append(visible(viewer, on))

    if by.first or by.last:
        found.append(covering(by.first, by.last))

    for column, value in (
        (Visit.kind, by.kind),
        (Visit.channel, by.channel),
        (Visit.status, by.status),
        (Visit.trip, by.trip),
    ):
        if value:
            found.append(column == value)

    if by.lead_id:
        found.append(of_leads((Lead.id == by.lead_id) & visible_leads(viewer, on)))

    if by.text.strip():
        found.append(_matching_text(db, viewer, on, by.text))

    return found


def _matching_text(db: Session, viewer: Viewer, on: date, text: str) -> ColumnElement[bool]:
    """Visits with the text in a part that the viewer may see: no hidden words, no hidden leads."""
    spelled = spellings(text)
    called = Person.search.contains(folded(text), autoescape=True)
    leader = exists().where(Person.id == Visit.leader_id, called)
    words = or_(
        *(
            column.icontains(spelling, autoescape=True)
            for column in _searched()
            for spelling in spelled
        )
    )
    lead_matches = matching(db, text, viewer, on)
    leads = of_leads(visible_leads(viewer, on) & (Lead.company_id == Company.id) & lead_matches)

    return or_(
        *(
            column.icontains(spelling, autoescape=True)
            for column in (Visit.ref, Visit.city)
            for spelling in spelled
        ),
        leader,
        leads,
        words & readable(viewer, on),
    )


def _searched() -> list[Any]:
    return [getattr(Visit, name) for name, field in VISIT_FIELDS.items() if field.is_searched]
