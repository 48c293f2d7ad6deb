"""The visits near one that is to be kept, as the questions about it need them."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, false, or_, select, true
from sqlalchemy.orm import Session

from crm.base.db import batches
from crm.leads.models import Lead
from crm.leads.permissions import visible as visible_leads
from crm.people.permissions import Viewer
from crm.visits.companions import left_by
from crm.visits.fields import VisitData, data_of
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.permissions import changeable, covering, joined_by, of_leads, readable, visible
from crm.visits.questions import Doubt, Outline, Question, questions
from crm.visits.rules import Status, Verdict


def outline_of(
    db: Session, data: VisitData, viewer: Viewer, on: date, was: Visit | None = None
) -> Outline:
    """A visit as it is to be kept, with the companies of those leads that the viewer may see."""
    leads = Lead.id.in_(set(data.lead_ids)) & visible_leads(viewer, on)

    return Outline(
        id=was.id if was else None,
        kind=data.kind,
        channel=data.channel,
        status=data.status,
        city=data.city,
        starts_at=data.starts_at,
        ends_at=data.ends_at,
        leader_id=data.leader_id,
        people=data.joined_by | {data.leader_id},
        company_ids=frozenset(db.scalars(select(Lead.company_id).where(leads))),
        entered_by_id=was.entered_by_id if was else viewer.person_id,
    )


def questions_about(db: Session, visit: Outline, viewer: Viewer, on: date) -> list[Question]:
    """What is to be asked before the visit is kept, as far as the viewer may know of others."""
    near = covering(visit.first_on, visit.last_on) & or_(
        Visit.leader_id.in_(visit.people),
        joined_by(visit.people),
        of_leads(Lead.company_id.in_(visit.company_ids)) if visit.company_ids else false(),
    )
    # 0 is the id of no visit: a new one has none yet
    others = outlines(db, near & (Visit.id != (visit.id or 0)), viewer, on)
    return questions(visit, others)


def questions_on_saving(
    db: Session, data: VisitData, viewer: Viewer, on: date, was: Visit | None = None
) -> tuple[Outline, list[Question]]:
    """The visit as it is to be saved, and what to ask; of a change, only what it brings about."""
    draft = outline_of(db, data, viewer, on, was)
    questions = questions_about(db, draft, viewer, on)
    if was is None:
        return draft, questions

    before = outline_of(db, data_of(was), viewer, on, was)
    known = {question.token for question in questions_about(db, before, viewer, on)}
    new = [question for question in questions if question.token not in known]

    # whoever took themself out takes part again only knowingly
    people = {was.leader_id, *(person.id for person in was.participants)}
    again = (draft.people - people) & left_by(db, was.id).keys()
    return draft, new + ([Question(Doubt.LEFT, draft, frozenset(again))] if again else [])


def outlines_near_file(db: Session, visits: Sequence[Visit], on: date) -> list[Outline]:
    """The visits of a file, which are kept already, and all others of their people and companies.

    The file is the operator's, who sees everything.
    """
    ids = [visit.id for visit in visits]
    joined = _values_by_visit(db, ids, VisitParticipant.visit_id, VisitParticipant.person_id)
    people = {visit.leader_id for visit in visits}.union(*joined.values())
    companies = set[int]().union(*_companies(db, ids, true()).values())
    spans = covering(
        min(visit.first_on for visit in visits), max(visit.last_on for visit in visits)
    )
    near = or_(
        Visit.leader_id.in_(people), joined_by(people), of_leads(Lead.company_id.in_(companies))
    )
    return outlines(db, spans & near, None, on)


def outlines(
    db: Session, condition: ColumnElement[bool], viewer: Viewer | None, on: date
) -> list[Outline]:
    """The visits for which it holds, but cancelled and rejected ones, in order of time.

    Without a viewer everything is seen: a file is the operator's.
    """
    # the rights are columns of the same query, so that each visit is read once
    rights = (visible, readable, changeable)
    seen = [right(viewer, on) if viewer else true() for right in rights]
    rows = db.execute(
        select(
            Visit.id,
            Visit.kind,
            Visit.channel,
            Visit.status,
            Visit.city,
            Visit.starts_at,
            Visit.ends_at,
            Visit.leader_id,
            Visit.entered_by_id,
            seen[0].label("is_seen"),
            (seen[0] & seen[1]).label("is_read"),
            seen[2].label("is_changeable"),
        )
        .where(condition, Visit.status != Status.CANCELLED)
        .where(or_(Visit.verdict.is_(None), Visit.verdict != Verdict.REJECTED))
        .order_by(Visit.starts_at, Visit.id)
    ).mappings()
    found = [*rows]
    ids = [row["id"] for row in found]
    people = _values_by_visit(db, ids, VisitParticipant.visit_id, VisitParticipant.person_id)
    companies = _companies(db, ids, visible_leads(viewer, on) if viewer else true())

    return [
        Outline(
            **row,
            people=frozenset({*people[row["id"]], row["leader_id"]}),
            company_ids=frozenset(companies[row["id"]]),
        )
        for row in found
    ]


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
