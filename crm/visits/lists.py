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

from crm.base.db import batches
from crm.base.paging import PAGE, Page, Place, place_at
from crm.base.remembered import remembered
from crm.base.sheets import MOST_ROWS
from crm.leads.models import Lead
from crm.leads.permissions import values_of
from crm.leads.redaction import LeadLabel, label_of, labelled_leads
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.people.rules import Role
from crm.visits.companies import seen_companies
from crm.visits.fields import WORDS
from crm.visits.filters import (
    SINCE,
    VisitFilter,
    conditions,
    is_mine_since,
    led_and_joined,
    since_values,
)
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.permissions import of_person
from crm.visits.queries import WITH_PEOPLE, may_be_logged_late
from crm.visits.redaction import Participation, SeenVisit, seen_with


class PersonName(NamedTuple):
    """A person as a list names them."""

    id: int
    name: str


MOST_LATE = 500  # visits that are judged for one page: whoever has more sees the latest

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
    """The visits of the query as the viewer may see them; four queries.

    The caller has seen to it that the viewer may see them.
    """
    visits = db.scalars(query.options(*WITH_PEOPLE)).all()
    ids = [visit.id for visit in visits]
    leads = _labels_by_visit(db, viewer, ids, on)
    companies = seen_companies(db, viewer, ids, on)

    found = []
    for visit in visits:
        people = visit.leader, tuple(visit.participants)
        named = Participation(
            *people, tuple(leads[visit.id]), visit.entered_by, companies[visit.id]
        )
        found.append(seen_with(visit, viewer, named, words=WORDS))
    return found


@cache
def _visits_with(words: tuple[str, ...]) -> Select[*tuple[Any, ...]]:
    return _VISITS.add_columns(*(getattr(Visit, word) for word in words))


def listed(
    db: Session,
    viewer: Viewer,
    visit_ids: Collection[int],
    on: date,
    *,
    words: tuple[str, ...] = (),
) -> list[SeenVisit]:
    """These visits in their order as the viewer may see them; four queries.

    Of their words only those asked for. The caller has seen to it that the viewer may see them.
    """
    if not visit_ids:
        return []

    ids = {"visit_ids": visit_ids}
    participants: defaultdict[int, list[PersonName]] = defaultdict(list)
    for visit_id, person_id, name in db.execute(_PARTICIPANTS, ids):
        participants[visit_id].append(PersonName(person_id, name))

    leads = _labels_by_visit(db, viewer, visit_ids, on)
    companies = seen_companies(db, viewer, visit_ids, on)
    found = {}
    for row in db.execute(_visits_with(words), ids):
        named = Participation(
            PersonName(row.leader_id, row.leader_name),
            tuple(participants[row.id]),
            tuple(leads[row.id]),
            PersonName(row.entered_by_id, row.entered_by_name) if row.entered_by_id else None,
            companies[row.id],
        )
        found[row.id] = seen_with(row, viewer, named, words=words)

    return [found[visit_id] for visit_id in visit_ids]


def listed_on_page(
    db: Session,
    viewer: Viewer,
    visit_ids: Collection[int],
    on: date,
    *,
    words: tuple[str, ...] = (),
) -> list[SeenVisit]:
    """As `listed`, of as few visits as a page has: remembered until something changes."""
    ids = tuple(visit_ids)
    seen = remembered(
        *(db, "visits of a page", viewer.person_id, on, words, ids),
        read=lambda: tuple(listed(db, viewer, ids, on, words=words)),
    )
    return list(seen)


def visits_page(  # noqa: PLR0913 - which page of which visits, before whom
    db: Session,
    viewer: Viewer,
    on: date,
    *,
    by: VisitFilter,
    cursor: str | None = None,
    words: tuple[str, ...] = (),
    size: int = PAGE,
) -> Page[SeenVisit]:
    """A page of visible visits, the latest first date first; of their words those asked for."""
    page = visit_ids_page(db, viewer, on, by=by, cursor=cursor, size=size)
    seen = listed_on_page(db, viewer, page.items, on, words=words)
    return Page(seen, page.newer, page.older)


def visit_ids_page(  # noqa: PLR0913 - as visits_page
    db: Session,
    viewer: Viewer,
    on: date,
    *,
    by: VisitFilter,
    cursor: str | None = None,
    size: int = PAGE,
) -> Page[int]:
    """The ids of such a page, which may be remembered."""
    place = _place(cursor, size)
    values = values_of(viewer, on)
    query: Executable
    if cursor is None and size == PAGE and is_mine_since(viewer, by):
        query = _my_first_page(has_first=by.first is not None)
        values |= since_values(by.first)
    else:
        asked = _KEYS.where(*conditions(db, viewer, on, by))
        query = (
            place.narrowed_of(led_and_joined(asked, by.person_id))
            if by.person_id
            else place.narrowed(asked)
        )
    page = place.cut(db.execute(query, values).all())
    return Page([row.id for row in page.items], page.newer, page.older)


def all_visits(
    db: Session,
    viewer: Viewer,
    on: date,
    *,
    by: VisitFilter,
    words: tuple[str, ...] = (),
) -> list[SeenVisit]:
    """All visits of the list in its order, for a file; of their words those asked for."""
    asked = conditions(db, viewer, on, by)
    if by.person_id:
        asked.append(of_person(by.person_id))
    latest = select(Visit.id).where(*asked).order_by(Visit.first_on.desc(), Visit.id.desc())
    # further ones would fit into no file
    ids = db.scalars(latest.limit(MOST_ROWS), values_of(viewer, on)).all()
    return [visit for part in batches(ids) for visit in listed(db, viewer, part, on, words=words)]


def entered_late(db: Session, viewer: Viewer, on: date, *, by: VisitFilter) -> list[SeenVisit]:
    """Of the visits asked for, the latest without a verdict that may have been entered too late.

    The rules of their people decide whether they were.
    """
    # a stay may have dates that were entered late, however soon it was set done
    is_late = may_be_logged_late(1) | (Visit.first_on < Visit.last_on)
    asked = conditions(db, viewer, on, by)
    if by.person_id:
        asked.append(of_person(by.person_id))
    query = select(Visit.id).where(Visit.verdict.is_(None), is_late, *asked)
    newest = query.order_by(Visit.first_on.desc(), Visit.id.desc()).limit(MOST_LATE)
    return listed(db, viewer, db.scalars(newest, values_of(viewer, on)).all(), on)


def _place(cursor: str | None, size: int = PAGE) -> Place:
    return place_at(cursor, on=Visit.first_on, row_id=Visit.id, size=size)


@cache
def _my_first_page(*, has_first: bool) -> Executable:
    """What most visits of the list ask for, put together once."""
    asked = _KEYS.where(SINCE) if has_first else _KEYS
    return _place(None).narrowed_of(led_and_joined(asked, bindparam("viewer_id")))
