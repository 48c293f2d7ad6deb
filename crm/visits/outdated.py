"""Which changes of others outdate what was checked before a visit is logged."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import BindParameter, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from crm.base.audit_chain import Subject
from crm.base.clock import civil_date, last_civil_date
from crm.base.db import ROWS_PER_STATEMENT
from crm.leads.models import Lead
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.validation import NewVisit

# Tables that change all day: a row matters only if the visit names it. Other visits are looked at.
EVERYDAY = frozenset(
    {
        "absence",
        "company",
        "correction",
        "followup",
        "lead",
        "login_session",
        "message",
        "person",
        "rate_count",
        "supervision_order",
        "visit",
    }
)


def is_outdated_by(
    db: Session, changed: Collection[Subject], new: NewVisit, entered_by_id: int
) -> bool:
    """Whether one of these changes may refuse the visit, or be a reason to ask about it."""
    data = new.data
    people = {data.leader_id, *data.joined_by}
    named = {("lead", lead_id) for lead_id in data.lead_ids}
    named |= {("person", person_id) for person_id in {entered_by_id, *people}}
    if any(subject[0] not in EVERYDAY or subject in named for subject in changed):
        return True

    visit_ids = [row_id for table, row_id in changed if table == "visit"]
    # so many at once come from an import
    return len(visit_ids) > ROWS_PER_STATEMENT or _is_one_near(db, visit_ids, new, people)


# Put together once, as others wait for the lock under which it is run; of tables, as a session
# works less for them than for classes. Empty lists are allowed.
_VISIT, _LEAD = Visit.__table__.c, Lead.__table__.c
_JOINED, _LINK = VisitParticipant.__table__.c, VisitLead.__table__.c
_MET = Lead.__table__.alias("met").c
_PEOPLE: BindParameter[list[int]] = bindparam("people", expanding=True)
_COMPANIES = select(_MET.company_id).where(_MET.id.in_(bindparam("lead_ids", expanding=True)))
_OF_COMPANIES = exists().where(
    _LINK.visit_id == _VISIT.id, _LINK.lead_id == _LEAD.id, _LEAD.company_id.in_(_COMPANIES)
)
_NEAR = (
    select(_VISIT.id)
    .where(
        _VISIT.id.in_(bindparam("visit_ids", expanding=True)),
        _VISIT.first_on <= bindparam("last"),
        _VISIT.last_on >= bindparam("first"),
        or_(
            _VISIT.leader_id.in_(_PEOPLE),
            exists().where(_JOINED.visit_id == _VISIT.id, _JOINED.person_id.in_(_PEOPLE)),
            _OF_COMPANIES,
        ),
    )
    .limit(1)
)


def _is_one_near(
    db: Session, visit_ids: Collection[int], new: NewVisit, people: Collection[int]
) -> bool:
    """Whether one of the visits is on the same dates, of the same people or companies."""
    if not visit_ids:
        return False

    data = new.data
    values: dict[str, Any] = {
        "visit_ids": visit_ids,
        "first": civil_date(data.starts_at),
        "last": last_civil_date(data.ends_at),
        "people": people,
        "lead_ids": data.lead_ids,
    }
    return db.scalar(_NEAR, values) is not None
