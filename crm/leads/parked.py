"""Leads that were parked until a date which has come (PROJECTS 1)."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.leads.models import Lead, LeadRole, Milestone
from crm.leads.permissions import role_held_on
from crm.leads.rules import LeadRoleKind, Stage


def due_again(db: Session, person_id: int, on: date) -> Sequence[Lead]:
    """The parked leads that the person tracks and should look at again by that date."""
    # of a lead that was parked twice, the last entry holds
    last = select(func.max(Milestone.id)).where(Milestone.kind == Stage.PARKED)
    tracked = select(LeadRole.lead_id).where(
        LeadRole.person_id == person_id, LeadRole.role == LeadRoleKind.TRACKER, role_held_on(on)
    )
    query = (
        select(Lead)
        .join(Milestone, Milestone.lead_id == Lead.id)
        .where(
            Lead.stage == Stage.PARKED,
            Lead.id.in_(tracked),
            Milestone.id.in_(last.group_by(Milestone.lead_id)),
            Milestone.look_again_on <= on,
        )
        .order_by(Milestone.look_again_on, Lead.id)
    )
    return db.scalars(query).all()
