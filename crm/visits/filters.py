"""What lists of visits are narrowed to, as conditions on the visits that a viewer may see."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, TypeVarTuple

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from crm.base.names import folded, spellings
from crm.base.utc_midnight import CivilMidnight
from crm.base.value_class import value_class
from crm.leads.models import Company, Lead
from crm.leads.permissions import visible as visible_leads
from crm.leads.queries import matching
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.people.rules import WITH_RECORDS
from crm.visits.models import Visit, VisitCompany, VisitLead, VisitParticipant
from crm.visits.permissions import covering, earliest_start, in_scope, of_leads, readable, visible
from crm.visits.rules import MARKED_LATE_AFTER_DAYS, Channel, Kind, Status
from crm.visits.search_index import MOST_LIKELY, SEARCHED, at_most, likely_visits

Columns = TypeVarTuple("Columns")

# `covering` from a date on, for statements that are put together once
SINCE = (Visit.first_on > bindparam("since_earliest")) & (Visit.last_on >= bindparam("since_first"))


@value_class
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
    city: str | None = None  # empty: of no city
    is_in_scope: bool = False  # led or joined by somebody in the viewer's units
    planned_until: datetime | None = None  # planned, and ended by then
    is_entered_late: bool = False
    ids: frozenset[int] | None = None


def are_own(viewer: Viewer, by: VisitFilter) -> bool:
    """Whether all visits asked for are led or joined by the viewer, and so visible (REGIME 2)."""
    return by.person_id == viewer.person_id and viewer.role in WITH_RECORDS


def is_mine_since(viewer: Viewer, by: VisitFilter) -> bool:
    """Whether the viewer's own visits are asked for, of a date and later at most."""
    mine = VisitFilter(person_id=viewer.person_id, first=by.first)
    return by == mine and are_own(viewer, by)


def since_values(first: date | None) -> dict[str, date]:
    """The values of `SINCE`."""
    if first is None:
        return {}
    return {"since_first": first, "since_earliest": earliest_start(first)}


def led_and_joined(
    query: Select[*Columns], person_id: int | BindParameter[int]
) -> tuple[Select[*Columns], Select[*Columns]]:
    """Two queries, as one index has what a person leads and another what they join."""
    joined = query.join(VisitParticipant, VisitParticipant.visit_id == Visit.id)
    return (
        query.where(Visit.leader_id == person_id),
        joined.where(VisitParticipant.person_id == person_id, Visit.leader_id != person_id),
    )


def conditions(db: Session, viewer: Viewer, on: date, by: VisitFilter) -> list[ColumnElement[bool]]:
    """What holds for the visits asked for, of those that the viewer may see on the date."""
    found: list[ColumnElement[bool]] = []
    if by.is_in_scope:
        found.append(in_scope(viewer, on))
    elif not are_own(viewer, by):
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

    found += _states(by)
    if by.lead_id:
        found.append(of_leads((Lead.id == by.lead_id) & visible_leads(viewer, on)))

    if by.text.strip():
        found.append(_matching_text(db, viewer, on, by.text))

    return found


def _states(by: VisitFilter) -> Iterator[ColumnElement[bool]]:
    if by.city is not None:
        yield Visit.city == by.city
    if by.planned_until:
        yield (Visit.status == Status.PLANNED) & (Visit.ends_at <= by.planned_until)
    if by.is_entered_late:
        yield Visit.logged_at >= CivilMidnight(Visit.last_on, MARKED_LATE_AFTER_DAYS + 1)
    if by.ids is not None:
        yield Visit.id.in_(by.ids)


def _matching_text(db: Session, viewer: Viewer, on: date, text: str) -> ColumnElement[bool]:
    """Visits with the text in a part that the viewer may see: no hidden words, no hidden leads."""
    called = Person.search.contains(folded(text), autoescape=True)
    leader = exists().where(Person.id == Visit.leader_id, called)
    lead_matches = matching(db, text, viewer, on)
    leads = of_leads(visible_leads(viewer, on) & (Lead.company_id == Company.id) & lead_matches)
    found = or_(leader, leads, matching_words(viewer, on, text))

    likely = _likely(db, text, called, lead_matches)
    return found if likely is None else Visit.id.in_(likely) & found


def _likely(
    db: Session, text: str, called: ColumnElement[bool], lead_matches: ColumnElement[bool]
) -> list[int] | None:
    """Ids of all visits that may have the text in some part; None where they are too many.

    Whoever may see them is decided by the conditions themselves.
    """
    most = MOST_LIKELY + 1
    words = likely_visits(text, most)
    if words is None:
        return None
    led = select(Visit.id).where(Visit.leader_id.in_(select(Person.id).where(called)))
    of_lead = select(VisitLead.visit_id).join(Visit, Visit.id == VisitLead.visit_id)
    of_lead = of_lead.join(Lead, Lead.id == VisitLead.lead_id)
    of_lead = of_lead.join(Company, Company.id == Lead.company_id).where(lead_matches)
    return at_most(db, [*words, led.limit(most), of_lead.limit(most)], MOST_LIKELY)


def matching_words(viewer: Viewer, on: date, text: str) -> ColumnElement[bool]:
    """Visits with the text in their reference or city, or in words that the viewer may read."""
    spelled = spellings(text)

    def contain(columns: Iterable[Any]) -> ColumnElement[bool]:
        found = (
            column.icontains(spelling, autoescape=True)
            for column in columns
            for spelling in spelled
        )
        return or_(*found)

    words = contain(getattr(Visit, name) for name in SEARCHED)
    words |= exists().where(VisitCompany.visit_id == Visit.id, contain([VisitCompany.name]))
    return contain([Visit.ref, Visit.city]) | words & readable(viewer, on)
