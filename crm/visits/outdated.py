"""Which changes of others outdate what was checked before a visit is logged."""

from collections.abc import Collection

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from crm.base.audit_chain import Subject
from crm.base.clock import civil_date, last_civil_date
from crm.base.db import ROWS_PER_STATEMENT
from crm.leads.models import Lead
from crm.visits.models import Visit
from crm.visits.permissions import covering, joined_by, of_leads
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


def _is_one_near(
    db: Session, visit_ids: Collection[int], new: NewVisit, people: Collection[int]
) -> bool:
    """Whether one of the visits is on the same dates, of the same people or companies."""
    if not visit_ids:
        return False

    data = new.data
    companies = select(Lead.company_id).where(Lead.id.in_(data.lead_ids))
    near = select(Visit.id).where(
        Visit.id.in_(visit_ids),
        covering(civil_date(data.starts_at), last_civil_date(data.ends_at)),
        or_(
            Visit.leader_id.in_(people),
            joined_by(people),
            of_leads(Lead.company_id.in_(companies)),
        ),
    )
    return db.scalar(near.limit(1)) is not None
