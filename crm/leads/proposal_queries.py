"""Proposals for companies as somebody may read them (PROJECTS 6)."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, joinedload

from crm.leads.companies import LeadScope, may_change_all
from crm.leads.company_queries import company_of, visible_company
from crm.leads.models import Lead
from crm.leads.permissions import changeable
from crm.leads.proposal_models import CompanyProposal, ProposalState
from crm.people.permissions import Viewer

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
) -> Sequence[CompanyProposal]:
    """The open proposals of a visible company: all for who decides, else the viewer's own."""
    query = select(CompanyProposal).where(
        CompanyProposal.company_id == company_id, CompanyProposal.state == ProposalState.OPEN
    )
    if not decides:
        query = query.where(CompanyProposal.proposed_by_id == me.person_id)
    return db.scalars(query.options(*WITH_PARTIES).order_by(CompanyProposal.id)).all()


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
