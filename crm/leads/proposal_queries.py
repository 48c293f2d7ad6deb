"""Proposals for companies as somebody may read them (PROJECTS 6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, joinedload

from crm.base.remembered import remembered
from crm.leads.companies import LeadScope, may_change_all
from crm.leads.company_queries import company_of, visible_company
from crm.leads.models import Lead
from crm.leads.permissions import changeable
from crm.leads.proposal_models import CompanyProposal, ProposalField, ProposalState
from crm.people.models import Person
from crm.people.permissions import Viewer


@dataclass(frozen=True, slots=True)
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


def proposals_waiting(db: Session, me: Viewer, on: date) -> Sequence[CompanyProposal]:
    """The open proposals that the viewer may decide, the first one first; companies loaded."""
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
