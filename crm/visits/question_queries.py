"""The visits near one that is to be kept, as the questions about it need them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, or_, select, true, union
from sqlalchemy.orm import Session

from crm.base.db import batches
from crm.leads.models import Lead
from crm.leads.permissions import visible as visible_leads
from crm.people.permissions import Viewer
from crm.people.rules import WITH_RECORDS
from crm.visits.companions import left_by
from crm.visits.fields import VisitData, data_of
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.permissions import changeable, covering, readable, visible
from crm.visits.questions import Doubt, Outline, Question, can_be_asked_about, questions
from crm.visits.rules import Status, Verdict

RIGHTS = ("is_seen", "is_read", "is_changeable")  # of an `Outline`


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
    near = _near(visit.people, visit.company_ids, visit.first_on, visit.last_on)
    # 0 is the id of no visit: a new one has none yet
    others = outlines(db, near & (Visit.id != (visit.id or 0)), viewer, on, draft=visit)
    return questions(visit, others)


def _near(
    people: Collection[int], company_ids: Collection[int], first: date, last: date
) -> ColumnElement[bool]:
    """Visits on the dates of one of the people or companies."""
    # a union, as each part has an index of its own: one OR would read all visits of the dates
    dates = covering(first, last)
    led = select(Visit.id).where(dates, Visit.leader_id.in_(people))
    links = select(VisitParticipant.visit_id).join(Visit, Visit.id == VisitParticipant.visit_id)
    parts = [led, links.where(dates, VisitParticipant.person_id.in_(people))]

    if company_ids:
        leads = select(VisitLead.visit_id).join(Lead, Lead.id == VisitLead.lead_id)
        of_companies = leads.join(Visit, Visit.id == VisitLead.visit_id)
        parts.append(of_companies.where(dates, Lead.company_id.in_(company_ids)))

    return Visit.id.in_(union(*parts))


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


def outlines_near(db: Session, new: Sequence[Outline], on: date) -> list[Outline]:
    """The visits on the dates of the given ones, as an operator sees them."""
    first = min(outline.first_on for outline in new)
    last = max(outline.last_on for outline in new)
    return outlines(db, covering(first, last), None, on)


def outlines(
    db: Session,
    condition: ColumnElement[bool],
    viewer: Viewer | None,
    on: date,
    *,
    draft: Outline | None = None,
) -> list[Outline]:
    """The visits for which it holds, but cancelled and rejected ones, in order of time.

    Without a viewer everything is seen: a file is the operator's. `draft`: the visit to ask about,
    to leave out visits of the same writer that are no reason to ask.
    """
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
        )
        .where(condition, Visit.status != Status.CANCELLED)
        .where(or_(Visit.verdict.is_(None), Visit.verdict != Verdict.REJECTED))
        .order_by(Visit.starts_at, Visit.id)
    ).mappings()
    found = [row for row in rows if not (draft and viewer and _is_no_reason(draft, row, viewer))]
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


def _is_no_reason(draft: Outline, row: RowMapping, viewer: Viewer) -> bool:
    writers = {draft.entered_by_id, row["entered_by_id"]}
    return writers == {viewer.person_id} and not can_be_asked_about(
        draft, row["kind"], row["starts_at"], row["ends_at"]
    )


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
