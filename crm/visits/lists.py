"""Visits as lists show them: plain rows without words, read by statements put together once."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    Executable,
    Select,
    bindparam,
    select,
)
from sqlalchemy.orm import Session, aliased

from crm.base.paging import Page, Place, place_at
from crm.leads.models import Lead
from crm.leads.permissions import values_of
from crm.leads.redaction import LeadLabel, label_of, labelled_leads
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.people.rules import Role
from crm.visits.fields import WORDS
from crm.visits.filters import VisitFilter, are_own, conditions
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.queries import WITH_PEOPLE
from crm.visits.redaction import Participation, SeenVisit, seen_with


class PersonName(NamedTuple):
    """A person as a list names them."""

    id: int
    name: str


_KEYS = select(Visit.id, Visit.first_on)
_LEADER, _ENTERED_BY = aliased(Person), aliased(Person)
_VISIT_IDS: BindParameter[list[int]] = bindparam("visit_ids", expanding=True)
_VISITS = (
    select(
        Visit.id,
        Visit.ref,
        Visit.kind,
        Visit.channel,
        Visit.status,
        Visit.starts_at,
        Visit.ends_at,
        Visit.first_on,
        Visit.last_on,
        Visit.city,
        Visit.trip,
        Visit.entered_at,
        Visit.entered_by_id,
        Visit.logged_at,
        Visit.verdict,
        Visit.verdict_at,
        Visit.late_by_days,
        Visit.leader_id,
        _LEADER.name.label("leader_name"),
        _ENTERED_BY.name.label("entered_by_name"),
    )
    .join(_LEADER, Visit.leader_id == _LEADER.id)
    .outerjoin(_ENTERED_BY, Visit.entered_by_id == _ENTERED_BY.id)
    .where(Visit.id.in_(_VISIT_IDS))
)
_PARTICIPANTS = (
    select(VisitParticipant.visit_id, Person.id, Person.name)
    .join(Person, Person.id == VisitParticipant.person_id)
    .where(VisitParticipant.visit_id.in_(_VISIT_IDS))
    .order_by(VisitParticipant.visit_id, VisitParticipant.person_id)
)


@cache
def _leads_of_visits(role: Role) -> Select[*tuple[Any, ...]]:
    return (
        labelled_leads(role)
        .add_columns(VisitLead.visit_id)
        .join(VisitLead, VisitLead.lead_id == Lead.id)
        .where(VisitLead.visit_id.in_(_VISIT_IDS))
        .order_by(VisitLead.visit_id, VisitLead.lead_id)
    )


def _labels_by_visit(
    db: Session, viewer: Viewer, visit_ids: Collection[int], on: date
) -> defaultdict[int, list[LeadLabel]]:
    values = {"visit_ids": visit_ids, **values_of(viewer, on)}
    labels: defaultdict[int, list[LeadLabel]] = defaultdict(list)
    for lead in db.execute(_leads_of_visits(viewer.role), values) if visit_ids else ():
        labels[lead.visit_id].append(label_of(lead))
    return labels


def shown_with_words(
    db: Session, viewer: Viewer, query: Select[Visit], on: date
) -> list[SeenVisit]:
    """The visits of the query as the viewer may see them; three queries.

    The caller has seen to it that the viewer may see them.
    """
    visits = db.scalars(query.options(*WITH_PEOPLE)).all()
    leads = _labels_by_visit(db, viewer, [visit.id for visit in visits], on)

    found = []
    for visit in visits:
        people = visit.leader, tuple(visit.participants)
        named = Participation(*people, tuple(leads[visit.id]), visit.entered_by)
        found.append(seen_with(visit, viewer, named, words=WORDS))
    return found


def listed(db: Session, viewer: Viewer, visit_ids: Collection[int], on: date) -> list[SeenVisit]:
    """These visits in their order as the viewer may see them, without their words; three queries.

    The caller has seen to it that the viewer may see them.
    """
    if not visit_ids:
        return []

    ids = {"visit_ids": visit_ids}
    participants: defaultdict[int, list[PersonName]] = defaultdict(list)
    for visit_id, person_id, name in db.execute(_PARTICIPANTS, ids):
        participants[visit_id].append(PersonName(person_id, name))

    leads = _labels_by_visit(db, viewer, visit_ids, on)
    found = {}
    for row in db.execute(_VISITS, ids):
        named = Participation(
            PersonName(row.leader_id, row.leader_name),
            tuple(participants[row.id]),
            tuple(leads[row.id]),
            PersonName(row.entered_by_id, row.entered_by_name) if row.entered_by_id else None,
        )
        found[row.id] = seen_with(row, viewer, named)

    return [found[visit_id] for visit_id in visit_ids]


def visits_page(
    db: Session, viewer: Viewer, on: date, *, by: VisitFilter, cursor: str | None = None
) -> Page[SeenVisit]:
    """A page of visible visits, the latest first date first."""
    place = _place(cursor)
    asked = _KEYS.where(*conditions(db, viewer, on, by))
    query: Executable
    if cursor is None and are_own(viewer, by) and by == VisitFilter(person_id=by.person_id):
        query = _my_first_page()
    elif by.person_id:
        query = place.narrowed_of(_led_and_joined(asked, by.person_id))
    else:
        query = place.narrowed(asked)
    page = place.cut(db.execute(query, values_of(viewer, on)).all())

    return Page(listed(db, viewer, [row.id for row in page.items], on), page.newer, page.older)


def _place(cursor: str | None) -> Place:
    return place_at(cursor, on=Visit.first_on, row_id=Visit.id)


@cache
def _my_first_page() -> Executable:
    """What most visits of the list ask for, put together once."""
    return _place(None).narrowed_of(_led_and_joined(_KEYS, bindparam("viewer_id")))


def _led_and_joined(
    query: Select[int, date], person_id: int | BindParameter[int]
) -> tuple[Select[int, date], Select[int, date]]:
    """Two queries, as one index has what a person leads and another what they join."""
    joined = query.join(VisitParticipant, VisitParticipant.visit_id == Visit.id)
    return (
        query.where(Visit.leader_id == person_id),
        joined.where(VisitParticipant.person_id == person_id, Visit.leader_id != person_id),
    )
