"""From which date on nobody may see a restricted lead (REGIME 2, DESIGN 8)."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.periods import DAY
from crm.leads.models import Lead, LeadRole
from crm.leads.rules import Secrecy, first_gap
from crm.people.models import Person
from crm.people.rules import WITH_RECORDS


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
