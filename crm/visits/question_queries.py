"""The visits near one that is to be kept, as the questions about it need them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    RowMapping,
    Select,
    bindparam,
    or_,
    select,
    true,
    union,
)
from sqlalchemy.orm import Session

from crm.base.clock import civil_date, last_civil_date
from crm.base.db import batches
from crm.leads.models import Lead
from crm.leads.permissions import values_of, visible_to_role
from crm.leads.permissions import visible as visible_leads
from crm.people.permissions import Viewer
from crm.people.rules import WITH_RECORDS, Role
from crm.visits.companions import left_by
from crm.visits.fields import VisitData, data_of
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.permissions import changeable, covering, earliest_start, readable, visible
from crm.visits.questions import Doubt, Outline, Question, questions
from crm.visits.rules import Kind, Status, Verdict
from crm.visits.validation import NewVisit

RIGHTS = ("is_seen", "is_read", "is_changeable")  # of an `Outline`


def outline_of(
    db: Session, data: VisitData, viewer: Viewer, on: date, was: Visit | None = None
) -> Outline:
    """A visit as it is to be kept, with the companies of those leads that the viewer may see."""
    values = {"lead_ids": data.lead_ids, **values_of(viewer, on)}
    return _outline(data, db.scalars(_seen_companies(viewer.role), values), viewer, was)


def outline_of_new(new: NewVisit, viewer: Viewer) -> Outline:
    """The same of a checked one, of whose leads the viewer sees all."""
    return _outline(new.data, new.company_ids, viewer)


def _outline(
    data: VisitData, company_ids: Iterable[int], viewer: Viewer, was: Visit | None = None
) -> Outline:
    return Outline(
        id=was.id if was else None,
        kind=data.kind,
        channel=data.channel,
        status=data.status,
        city=data.city,
        starts_at=data.starts_at,
        ends_at=data.ends_at,
        first_on=civil_date(data.starts_at),
        last_on=last_civil_date(data.ends_at),
        leader_id=data.leader_id,
        people=data.joined_by | {data.leader_id},
        company_ids=frozenset(company_ids),
        entered_by_id=was.entered_by_id if was else viewer.person_id,
    )


def questions_about(db: Session, visit: Outline, viewer: Viewer, on: date) -> list[Question]:
    """What is to be asked before the visit is kept, as far as the viewer may know of others."""
    values = {
        "visit_id": visit.id or 0,  # the id of no visit: a new one has none yet
        "people": visit.people,
        "company_ids": visit.company_ids,
        "first": visit.first_on,
        "last": visit.last_on,
        "earliest": earliest_start(visit.first_on),
        **_values_of_reasons(visit, viewer),
    }
    near = db.execute(_near(has_companies=bool(visit.company_ids)), values).mappings().all()
    return questions(visit, outlines(db, near, viewer, on)) if near else []


# Statements are put together once: every visit that is logged runs them.
@cache
def _seen_companies(role: Role) -> Select[int]:
    """Companies of those of the leads that viewers of the role see; `values_of` has the values."""
    return select(Lead.company_id).where(
        Lead.id.in_(bindparam("lead_ids", expanding=True)), visible_to_role(role)
    )


# Columns of tables, as a session works less for them than for attributes of classes.
_VISIT, _LEAD = Visit.__table__.c, Lead.__table__.c
_JOINED, _OF_LEAD = VisitParticipant.__table__.c, VisitLead.__table__.c
OUTLINES = (
    select(
        _VISIT.id,
        _VISIT.kind,
        _VISIT.channel,
        _VISIT.status,
        _VISIT.city,
        _VISIT.starts_at,
        _VISIT.ends_at,
        _VISIT.first_on,
        _VISIT.last_on,
        _VISIT.leader_id,
        _VISIT.entered_by_id,
    )
    .where(_VISIT.status != Status.CANCELLED)
    .where(or_(_VISIT.verdict.is_(None), _VISIT.verdict != Verdict.REJECTED))
    .order_by(_VISIT.starts_at, _VISIT.id)
)


@cache
def _near(*, has_companies: bool) -> Select[*tuple[Any, ...]]:
    """Other visits on the dates of one of the people or companies."""
    people: BindParameter[list[int]] = bindparam("people", expanding=True)
    dates = (
        (_VISIT.first_on <= bindparam("last"))
        & (_VISIT.first_on > bindparam("earliest"))
        & (_VISIT.last_on >= bindparam("first"))
    )
    # a union, as each part has an index of its own: one OR would read all visits of the dates
    led = select(_VISIT.id).where(dates, _VISIT.leader_id.in_(people))
    joined = VisitParticipant.__table__.join(Visit.__table__)
    links = select(_JOINED.visit_id).select_from(joined)
    parts = [led, links.where(dates, _JOINED.person_id.in_(people))]

    if has_companies:
        visited = VisitLead.__table__.join(Lead.__table__).join(Visit.__table__)
        of_companies = select(_OF_LEAD.visit_id).select_from(visited)
        companies: BindParameter[list[int]] = bindparam("company_ids", expanding=True)
        parts.append(of_companies.where(dates, _LEAD.company_id.in_(companies)))

    return OUTLINES.where(
        _VISIT.id.in_(union(*parts)), _VISIT.id != bindparam("visit_id"), _MAY_BE_ASKED_ABOUT
    )


# `can_be_asked_about`, where the same person entered both: most visits of a day are such
_MAY_BE_ASKED_ABOUT = or_(
    _VISIT.entered_by_id.is_distinct_from(bindparam("writer")),
    _VISIT.kind == bindparam("as_stay"),
    (_VISIT.starts_at < bindparam("ends_at")) & (_VISIT.ends_at > bindparam("starts_at")),
)


def _values_of_reasons(visit: Outline, viewer: Viewer) -> dict[str, object]:
    """The values of that condition; of a visit that another entered, all are asked about."""
    return {
        "writer": viewer.person_id if visit.entered_by_id == viewer.person_id else 0,
        "as_stay": Kind.RESIDENCY if visit.kind is Kind.RESIDENCY else None,
        "starts_at": visit.starts_at,
        "ends_at": visit.ends_at,
    }


def questions_on_saving(
    db: Session, draft: Outline, viewer: Viewer, on: date, was: Visit | None = None
) -> list[Question]:
    """What to ask before the visit is saved; of a change, only what it brings about."""
    questions = questions_about(db, draft, viewer, on)
    if was is None:
        return questions

    before = outline_of(db, data_of(was), viewer, on, was)
    known = {question.token for question in questions_about(db, before, viewer, on)}
    new = [question for question in questions if question.token not in known]

    # whoever took themself out takes part again only knowingly
    people = {was.leader_id, *(person.id for person in was.participants)}
    again = (draft.people - people) & left_by(db, was.id).keys()
    return new + ([Question(Doubt.LEFT, draft, frozenset(again))] if again else [])


def outlines_near(db: Session, new: Sequence[Outline], on: date) -> list[Outline]:
    """The visits on the dates of the given ones, as an operator sees them."""
    first = min(outline.first_on for outline in new)
    last = max(outline.last_on for outline in new)
    rows = db.execute(OUTLINES.where(covering(first, last))).mappings()
    return outlines(db, rows, None, on)


def outlines(
    db: Session,
    rows: Iterable[RowMapping],
    viewer: Viewer | None,
    on: date,
) -> list[Outline]:
    """The visits of `OUTLINES`, with their people, companies and what the viewer may do.

    Without a viewer everything is seen: a file is the operator's.
    """
    found = list(rows)
    ids = [row["id"] for row in found]
    joined = _values_by_visit(db, ids, VisitParticipant.visit_id, VisitParticipant.person_id)
    people = {row["id"]: frozenset({*joined[row["id"]], row["leader_id"]}) for row in found}
    companies = _companies(db, ids, visible_leads(viewer, on) if viewer else true())
    rights = _rights_to_others(db, people, viewer, on) if viewer else {}

    return [
        Outline(
            **row,
            people=people[row["id"]],
            company_ids=frozenset(companies[row["id"]]),
            **rights.get(row["id"], {}),
        )
        for row in found
    ]


def _rights_to_others(
    db: Session, people: Mapping[int, Collection[int]], viewer: Viewer, on: date
) -> dict[int, dict[str, Any]]:
    """What the viewer may do with those of the visits that they neither lead nor join.

    `people`: by visit, who leads and joins it.
    """
    # to their own visits people have every right, and most visits near one are such
    has_own = viewer.role in WITH_RECORDS
    ids = [key for key, own in people.items() if not (has_own and viewer.person_id in own)]
    if not ids:
        return {}

    is_seen = visible(viewer, on)
    rights = (is_seen, is_seen & readable(viewer, on), changeable(viewer, on))
    rows = db.execute(select(Visit.id, *rights).where(Visit.id.in_(ids)))
    return {row[0]: dict(zip(RIGHTS, row[1:], strict=True)) for row in rows}


def _values_by_visit(
    db: Session, ids: Collection[int], key: Any, value: Any, *conditions: ColumnElement[bool]
) -> dict[int, set[int]]:
    """By visit, the values linked to it."""
    found: dict[int, set[int]] = defaultdict(set)
    # a statement takes only so many ids, and a file may hold more
    for part in batches(list(ids)):
        for visit_id, value_id in db.execute(select(key, value).where(key.in_(part), *conditions)):
            found[visit_id].add(value_id)
    return found


def _companies(db: Session, ids: Collection[int], seen: ColumnElement[bool]) -> dict[int, set[int]]:
    link = VisitLead.lead_id == Lead.id
    return _values_by_visit(db, ids, VisitLead.visit_id, Lead.company_id, link, seen)
