"""Which changes of others outdate what was checked before a visit is logged."""

from sqlalchemy import BindParameter, and_, bindparam, exists, or_, select

from crm.base.audit_commit import ChangesThatMatter
from crm.base.audit_entries import AuditEntry, AuditLink
from crm.base.clock import civil_date, last_civil_date
from crm.leads.models import Lead
from crm.people.models import Person
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
PUBLISHED = "person.imported"  # of many visits at once, that have entries from before


# Put together once, as others wait for the lock under which it is run; of tables, as a session
# works less for them than for classes. Empty lists are allowed.
_VISIT, _LEAD = Visit.__table__.c, Lead.__table__.c
_JOINED, _LINK = VisitParticipant.__table__.c, VisitLead.__table__.c
_MET = Lead.__table__.alias("met").c
_TRAIL, _ENTRY = AuditLink.__table__.c, AuditEntry.__table__.c
_PEOPLE: BindParameter[list[int]] = bindparam("people", expanding=True)
_NAMED: BindParameter[list[int]] = bindparam("named", expanding=True)
_LEADS: BindParameter[list[int]] = bindparam("lead_ids", expanding=True)
_COMPANIES = select(_MET.company_id).where(_MET.id.in_(_LEADS))
_OF_COMPANIES = exists().where(
    _LINK.visit_id == _VISIT.id, _LINK.lead_id == _LEAD.id, _LEAD.company_id.in_(_COMPANIES)
)
_NEAR = exists().where(
    _VISIT.id == _ENTRY.subject_id,
    _VISIT.first_on <= bindparam("last"),
    _VISIT.last_on >= bindparam("first"),
    or_(
        _VISIT.leader_id.in_(_PEOPLE),
        exists().where(_JOINED.visit_id == _VISIT.id, _JOINED.person_id.in_(_PEOPLE)),
        _OF_COMPANIES,
    ),
)
_MATTERS = (
    select(_TRAIL.position)
    .join_from(AuditLink.__table__, AuditEntry.__table__, _TRAIL.entry_id == _ENTRY.id)
    .where(
        _TRAIL.position > bindparam("position"),
        or_(
            _ENTRY.subject.not_in(EVERYDAY),
            _ENTRY.action == PUBLISHED,
            and_(_ENTRY.subject == Lead.__tablename__, _ENTRY.subject_id.in_(_LEADS)),
            and_(_ENTRY.subject == Person.__tablename__, _ENTRY.subject_id.in_(_NAMED)),
            and_(_ENTRY.subject == Visit.__tablename__, _NEAR),
        ),
    )
    .limit(1)
)


def changes_that_matter(new: NewVisit, entered_by_id: int) -> ChangesThatMatter:
    """The changes that may refuse the visit, or be a reason to ask about it."""
    data = new.data
    people = {data.leader_id, *data.joined_by}
    values = {
        "first": civil_date(data.starts_at),
        "last": last_civil_date(data.ends_at),
        "people": [*people],
        "named": [entered_by_id, *people],
        "lead_ids": [*data.lead_ids],
    }
    return ChangesThatMatter(_MATTERS, values)
