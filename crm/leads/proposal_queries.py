"""Proposals for companies as somebody may read them (PROJECTS 6)."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from itertools import chain

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, joinedload

from crm.base.clock import civil_date
from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.leads.companies import LeadScope, may_change_all
from crm.leads.company_queries import company_of, visible_company
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import changeable, role_held_on, supervisors_of_unit
from crm.leads.proposal_models import CompanyProposal, ProposalField, ProposalState
from crm.leads.rules import LeadRoleKind
from crm.people.models import Person
from crm.people.permissions import Viewer, viewer
from crm.people.queries import active_at
from crm.people.rules import Role


@value_class
class OpenProposal:
    """An open proposal as the page of its company lists it."""

    id: int
    field: ProposalField
    value: str
    proposed_by_id: int
    proposed_by: str


WITH_PARTIES = (
    joinedload(CompanyProposal.company),
    joinedload(CompanyProposal.contact),
    joinedload(CompanyProposal.proposed_by),
    joinedload(CompanyProposal.decided_by),
)


def may_decide(db: Session, me: Viewer, company_id: int, on: date) -> bool:
    """Whether the viewer may change the company, and so decide what is proposed for it."""
    seen = company_of(db, me, company_id, on) is not None
    return seen and may_change_all(db, company_id, LeadScope(me, on))


def open_proposals(
    db: Session, me: Viewer, company_id: int, *, decides: bool
) -> list[OpenProposal]:
    """The open proposals of a visible company: all for who decides, else the viewer's own."""

    def read() -> list[OpenProposal]:
        query = (
            select(
                CompanyProposal.id,
                CompanyProposal.field,
                CompanyProposal.value,
                CompanyProposal.proposed_by_id,
                Person.name,
            )
            .join(CompanyProposal.proposed_by)
            .where(
                CompanyProposal.company_id == company_id,
                CompanyProposal.state == ProposalState.OPEN,
            )
        )
        rows = db.execute(query.order_by(CompanyProposal.id))
        return [OpenProposal(*row) for row in rows]

    rows = remembered(db, "company proposals", company_id, read=read)
    return [row for row in rows if decides or row.proposed_by_id == me.person_id]


def proposal_of(db: Session, me: Viewer, proposal_id: int, on: date) -> CompanyProposal | None:
    """The proposal, where it is the viewer's own or theirs to decide; none: 404."""
    query = select(CompanyProposal).join(CompanyProposal.company)
    query = query.where(CompanyProposal.id == proposal_id, visible_company(me, on))
    loaded = query.options(*WITH_PARTIES).execution_options(populate_existing=True)
    found = db.scalar(loaded)
    if found is None or found.proposed_by_id == me.person_id:
        return found
    return found if may_change_all(db, found.company_id, LeadScope(me, on)) else None


def asked(db: Session, company_id: int, at: datetime) -> list[Person]:
    """Trackers and the nearest supervisors of its leads who may change all of these, by name.

    Others who may do so find the proposal on the company's page; an admin is asked only where
    there is nobody nearer (PROJECTS 0).
    """
    on = civil_date(at)
    held = select(LeadRole.role, LeadRole.person_id, LeadRole.unit_id).where(
        LeadRole.lead_id.in_(select(Lead.id).where(Lead.company_id == company_id)),
        LeadRole.role.in_((LeadRoleKind.TRACKER, LeadRoleKind.RESPONSIBLE_UNIT)),
        role_held_on(on),
    )
    rows = db.execute(held.distinct()).all()
    tracking = [row.person_id for row in rows if row.person_id]
    lines = [supervisors_of_unit(db, row.unit_id, on) for row in rows if row.unit_id]
    able = _able(db, {*tracking, *chain.from_iterable(lines)}, company_id, at)
    nearest = (next((one for one in line if one in able), None) for line in lines)
    found = {*tracking, *nearest} & able.keys()
    if not found:
        admins = db.scalars(select(Person.id).where(Person.role == Role.ADMIN))
        able = _able(db, set(admins), company_id, at)
        found = set(able)
    return [person for person_id, person in able.items() if person_id in found]


def _able(
    db: Session, person_ids: Collection[int], company_id: int, at: datetime
) -> dict[int, Person]:
    """Those of them who may change all leads of the company, by username."""
    on = civil_date(at)
    query = select(Person).where(Person.id.in_(person_ids), active_at(at)).order_by(Person.username)
    return {
        person.id: person
        for person in db.scalars(query)
        if may_change_all(db, company_id, LeadScope(viewer(db, person, on), on))
    }


def proposals_waiting(db: Session, me: Viewer, now: datetime) -> Sequence[CompanyProposal]:
    """The open proposals on which the viewer is asked to decide, the first one first."""
    found = _decidable(db, me, civil_date(now))
    return [row for row in found if me.person_id in _asked_ids(db, row.company_id, now)]


def _asked_ids(db: Session, company_id: int, now: datetime) -> frozenset[int]:
    def read() -> frozenset[int]:
        return frozenset(person.id for person in asked(db, company_id, now))

    return remembered(db, "asked of proposals", company_id, civil_date(now), read=read)


def _decidable(db: Session, me: Viewer, on: date) -> Sequence[CompanyProposal]:
    """The open proposals that the viewer may decide; their companies are loaded."""
    is_open = CompanyProposal.state == ProposalState.OPEN
    companies = db.scalars(select(CompanyProposal.company_id).where(is_open).distinct()).all()
    if not companies:
        return []

    mine = select(Lead.id).where(changeable(me, on), Lead.company_id.in_(companies))
    others = exists().where(
        Lead.company_id == CompanyProposal.company_id, Lead.id.not_in(mine.correlate(None))
    )
    query = (
        select(CompanyProposal)
        .join(CompanyProposal.company)
        .where(is_open, ~others, visible_company(me, on))
        .options(joinedload(CompanyProposal.company))
    )
    return db.scalars(query.order_by(CompanyProposal.id)).all()
