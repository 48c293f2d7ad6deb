"""A visit entered a second time is merged into the existing one."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.fields import FieldKind
from crm.base.locks import hold
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.visits.companies import companies_of, typed_companies, united
from crm.visits.fields import VISIT_FIELDS, WORDS, VisitData
from crm.visits.links import VisitLinks, links_of
from crm.visits.models import Visit
from crm.visits.permissions import may_change
from crm.visits.question_queries import outline_of, questions_about
from crm.visits.questions import can_merge
from crm.visits.rules import Kind
from crm.visits.service import rewrite_visit
from crm.visits.validation import check_visit


def merge_visit(db: Session, *, visit: Visit, data: VisitData, by: Person, now: datetime) -> Visit:
    """Merge `data` into the visit: people, leads and words of both; a stay covers both spans.

    Nothing of the visit is lost. Refused as `cannot_merge`, as an entry and as a change are.
    """
    on = civil_date(now)
    me = viewer(db, by, on)
    if not may_change(db, me, visit.id, on):
        raise Refused("not_yours")

    # checked as an entry of its own: merging lets in nothing that would be refused
    check_visit(db, data, me, now)

    draft = outline_of(db, data, me, on)
    asked = (
        question for question in questions_about(db, draft, me, on) if question.other.id == visit.id
    )
    if not any(can_merge(draft, question) for question in asked):
        raise Refused("cannot_merge")

    # held, so that no words written in the meantime are lost
    hold(db, visit)

    companies = united([*companies_of(db, visit.id), *typed_companies(data)])
    # whom they met comes with the companies
    both = replace(
        _merged_data(visit, links_of(db, visit, me, on), data),
        companies=companies,
        met=None,
        position=None,
    )

    return rewrite_visit(db, visit=visit, data=both, viewer=me, now=now)


def _merged_data(visit: Visit, links: VisitLinks, data: VisitData) -> VisitData:
    # other kinds are one visit entered twice: they keep their hours
    is_stay = visit.kind is Kind.RESIDENCY
    words: dict[str, Any] = {
        name: _joined_text(getattr(visit, name), getattr(data, name), _separator(name))
        for name in WORDS
    }

    return VisitData(
        ref=visit.ref,
        kind=visit.kind,
        channel=visit.channel,
        status=visit.status,
        starts_at=min(visit.starts_at, data.starts_at) if is_stay else visit.starts_at,
        ends_at=max(visit.ends_at, data.ends_at) if is_stay else visit.ends_at,
        city=visit.city,
        leader_id=visit.leader_id,
        participant_ids=links.participant_ids | data.joined_by | {data.leader_id},
        # `rewrite_visit` keeps the hidden leads
        lead_ids=(links.lead_ids - links.hidden_lead_ids) | set(data.lead_ids),
        trip=visit.trip or data.trip,
        reason=data.reason,
        **words,
    )


def _separator(name: str) -> str:
    """What separates two texts that become one."""
    return "\n" if VISIT_FIELDS[name].kind is FieldKind.PROSE else "；"


def _joined_text(text: str | None, addition: str | None, separator: str) -> str | None:
    addition = (addition or "").strip()
    # the same text from both is kept once
    if not addition or addition in (text or ""):
        return text
    return f"{text}{separator}{addition}" if text else addition
