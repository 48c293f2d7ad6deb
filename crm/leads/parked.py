"""Leads that were parked until a date which has come (PROJECTS 1)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from crm.leads.lists import ListedLead
from crm.leads.models import Lead, LeadRole, Milestone
from crm.leads.permissions import role_held_on
from crm.leads.rules import LeadRoleKind, Stage

# of a lead that was parked twice, the last entry holds
_LAST = (
    select(func.max(Milestone.id)).where(Milestone.kind == Stage.PARKED).group_by(Milestone.lead_id)
)
# of few leads; through `_LAST`, a list would read the parking of every lead
_PARKED = (
    select(Milestone.lead_id, Milestone.look_again_on)
    .where(
        Milestone.kind == Stage.PARKED,
        Milestone.lead_id.in_(bindparam("lead_ids", expanding=True)),
    )
    .order_by(Milestone.id)
)


def parked_of(leads: Iterable[ListedLead]) -> list[int]:
    """The ids of those that are parked."""
    return [lead.id for lead in leads if lead.stage is Stage.PARKED]


def look_again_dates(db: Session, lead_ids: Collection[int]) -> dict[int, date]:
    """By parked lead, the date on which to look at it again, where it has one."""
    if not lead_ids:
        return {}
    # the latest entries come last, and hold
    last = {row.lead_id: row.look_again_on for row in db.execute(_PARKED, {"lead_ids": lead_ids})}
    return {lead_id: on for lead_id, on in last.items() if on}


def due_again(db: Session, person_id: int, on: date) -> Sequence[Lead]:
    """The parked leads that the person tracks and should look at again by that date."""
    tracked = select(LeadRole.lead_id).where(
        LeadRole.person_id == person_id, LeadRole.role == LeadRoleKind.TRACKER, role_held_on(on)
    )
    query = (
        select(Lead)
        .join(Milestone, Milestone.lead_id == Lead.id)
        .where(
            Lead.stage == Stage.PARKED,
            Lead.id.in_(tracked),
            Milestone.id.in_(_LAST),
            Milestone.look_again_on <= on,
        )
        .order_by(Milestone.look_again_on, Lead.id)
    )
    return db.scalars(query).all()
