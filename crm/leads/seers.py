"""Who may see a restricted lead, and whose scope it lies in (REGIME 2, DESIGN 8)."""

from collections.abc import Collection
from datetime import date, time

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.periods import DAY
from crm.leads.models import Lead, LeadRole
from crm.leads.queries import role_held_on
from crm.leads.rules import LeadRoleKind, Secrecy, first_gap
from crm.people.models import Person
from crm.people.queries import posted_as, unit_tree, units_above
from crm.people.rules import WITH_RECORDS, Role


def gaps(
    db: Session,
    on: date,
    *,
    lead_ids: Collection[int] | None = None,
    without: int | None = None,
    last_on: date = date.min,
) -> dict[int, date]:
    """By restricted lead, the first date from `on` on which nobody named on it may see it.

    `lead_ids` left out means all; of the person `without` nothing holds after `last_on`.
    """
    restricted = select(Lead.id).where(Lead.secrecy == Secrecy.RESTRICTED)
    if lead_ids is not None:
        restricted = restricted.where(Lead.id.in_(lead_ids))

    spans: dict[int, list[tuple[date, date]]] = {lead_id: [] for lead_id in db.scalars(restricted)}
    rows = db.execute(
        select(LeadRole.lead_id, LeadRole.from_on, LeadRole.to_on, Person.id, Person.disabled_at)
        .join(Person, Person.id == LeadRole.person_id)
        .where(
            LeadRole.lead_id.in_(restricted),
            or_(LeadRole.to_on.is_(None), LeadRole.to_on >= on),
            Person.role.in_(WITH_RECORDS),
        )
    )

    for row in rows:
        ends = [row.to_on or date.max]
        if row.disabled_at:
            ends.append(civil_date(row.disabled_at) - DAY)
        if row.id == without:
            ends.append(last_on)
        spans[row.lead_id].append((row.from_on, min(ends)))

    found = {lead_id: first_gap(held, on) for lead_id, held in spans.items()}

    return {lead_id: gap for lead_id, gap in found.items() if gap}


def supervisors_over(db: Session, lead_id: int, on: date) -> list[int]:
    """By id, the supervisors in whose scope the lead lies on the date, the nearest first."""
    responsible = select(LeadRole.unit_id).where(
        LeadRole.lead_id == lead_id,
        LeadRole.role == LeadRoleKind.RESPONSIBLE_UNIT,
        role_held_on(on),
    )
    unit_id = db.scalar(responsible.limit(1))
    return supervisors_above(db, unit_id, on) if unit_id else []


def supervisors_above(db: Session, unit_id: int, on: date) -> list[int]:
    """By id, the supervisors posted in the unit or above it on the date, the nearest first."""
    holders = posted_as(db, {Role.SUPERVISOR}, at_civil(on, time.max))
    chain = units_above(unit_tree(db), unit_id)
    return list(dict.fromkeys(each for unit in chain for each in holders.get(unit, ())))


def named_supervisors(db: Session, lead_id: int, on: date) -> set[int]:
    """Of the supervisors in whose scope the lead lies, those who are named on it."""
    named = select(LeadRole.person_id).where(LeadRole.lead_id == lead_id, role_held_on(on))
    named_ids = set(db.scalars(named))
    return {each for each in supervisors_over(db, lead_id, on) if each in named_ids}
