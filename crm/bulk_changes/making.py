"""One change of one lead, by the service that changes a single one (PROJECTS 2)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.bulk_changes.journal import Change
from crm.bulk_changes.rules import ROLES, Asked, BulkKind
from crm.followups.service import FollowupData, add_followup
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import role_held_on
from crm.leads.progress import reach
from crm.leads.roles import give_role
from crm.leads.rules import LeadRoleKind
from crm.leads.service import change_industry
from crm.people.models import Person, Unit


@value_class
class Making:
    """Who changes which lead, and when."""

    db: Session
    lead: Lead
    by: Person
    now: datetime


def change_one(making: Making, asked: Asked) -> Change | None:
    """Change the lead; none where it is so already. Refused as the single change is."""
    return _MAKERS[asked.kind](making, asked)


def _give_role(making: Making, asked: Asked) -> Change | None:
    db, lead, on = making.db, making.lead, civil_date(making.now)
    role = ROLES[asked.kind]
    before = roles_from(db, lead.id, role, making.now)
    values = [role_values(row) for row in before]

    given = give_role(
        db,
        lead=lead,
        role=role,
        holder=_holder(db, asked),
        from_on=on,
        by=making.by,
        now=making.now,
    )
    if any(row is given for row in before):
        return None
    return Change(lead.id, given.id, {"held": values})


def roles_from(db: Session, lead_id: int, role: LeadRoleKind, now: datetime) -> list[LeadRole]:
    """The rows of the role that hold today or later."""
    query = select(LeadRole).where(
        LeadRole.lead_id == lead_id,
        LeadRole.role == role,
        or_(LeadRole.to_on.is_(None), LeadRole.to_on >= civil_date(now)),
    )
    return list(db.scalars(query.order_by(LeadRole.from_on, LeadRole.id)))


def role_values(row: LeadRole) -> dict[str, Any]:
    """What a row of a role is made of."""
    return {
        "id": row.id,
        "person_id": row.person_id,
        "unit_id": row.unit_id,
        "from_on": row.from_on,
        "to_on": row.to_on,
    }


def _holder(db: Session, asked: Asked) -> Person | Unit:
    holder: Person | Unit | None = (
        db.get(Unit, asked.unit_id)
        if asked.kind is BulkKind.UNIT
        else db.get(Person, asked.person_id)
    )
    if holder is None:
        unit = asked.kind is BulkKind.UNIT
        raise Refused("no_such_unit" if unit else "no_such_person")
    return holder


def _reach(making: Making, asked: Asked) -> Change | None:
    lead = making.lead
    assert asked.stage and asked.on  # noqa: S101, PT018 - of this kind
    if lead.stage is asked.stage:
        return None
    stage = lead.stage
    milestone = reach(
        making.db,
        lead=lead,
        kind=asked.stage,
        on=asked.on,
        reason=asked.reason,
        agreement=asked.agreement,
        look_again_on=asked.look_again_on,
        by=making.by,
        now=making.now,
    )
    return Change(lead.id, milestone.id, {"stage": stage})


def _change_industry(making: Making, asked: Asked) -> Change | None:
    lead, industry = making.lead, making.lead.industry
    change_industry(making.db, lead=lead, industry=asked.industry, by=making.by, now=making.now)
    return None if lead.industry == industry else Change(lead.id, None, {"industry": industry})


def _follow_up(making: Making, asked: Asked) -> Change:
    assert asked.due_on  # noqa: S101 - of this kind
    person_id = asked.person_id or _tracker_of(making)
    data = FollowupData(
        lead_id=making.lead.id, person_id=person_id, due_on=asked.due_on, what=asked.what
    )
    followup = add_followup(making.db, data=data, by=making.by, now=making.now)
    return Change(making.lead.id, followup.id, {"person_id": person_id})


def _tracker_of(making: Making) -> int:
    query = select(LeadRole.person_id).where(
        LeadRole.lead_id == making.lead.id,
        LeadRole.role == LeadRoleKind.TRACKER,
        role_held_on(civil_date(making.now)),
    )
    tracker_id = making.db.scalar(query.order_by(LeadRole.id).limit(1))
    if tracker_id is None:
        raise Refused("no_tracker")
    return tracker_id


_MAKERS: Mapping[BulkKind, Callable[[Making, Asked], Change | None]] = {
    BulkKind.TRACKER: _give_role,
    BulkKind.UNIT: _give_role,
    BulkKind.STAGE: _reach,
    BulkKind.INDUSTRY: _change_industry,
    BulkKind.FOLLOWUP: _follow_up,
}
