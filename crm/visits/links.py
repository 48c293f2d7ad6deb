"""Who takes part in a visit and which leads it concerns, as rows beside it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from crm.base.db import insert_into
from crm.leads.models import Lead
from crm.leads.queries import visible as visible_leads
from crm.people.queries import Viewer
from crm.visits.models import Visit, VisitFormer, VisitLead, VisitParticipant


@dataclass(frozen=True, slots=True)
class Links:
    """The people and leads beside a visit, and which of the leads someone may not see."""

    participant_ids: frozenset[int]
    lead_ids: frozenset[int]
    hidden_lead_ids: frozenset[int]


def links_of(db: Session, visit: Visit, viewer: Viewer, on: date) -> Links:
    """What stands beside the visit now, before that viewer."""
    people = select(VisitParticipant.person_id).where(VisitParticipant.visit_id == visit.id)
    leads = db.execute(
        select(Lead.id, visible_leads(viewer, on).label("is_seen"))
        .join(VisitLead, VisitLead.lead_id == Lead.id)
        .where(VisitLead.visit_id == visit.id)
    ).all()
    return Links(
        frozenset(db.scalars(people)),
        frozenset(row.id for row in leads),
        frozenset(row.id for row in leads if not row.is_seen),
    )


def link(
    db: Session,
    visit: Visit,
    *,
    participant_ids: Collection[int],
    lead_ids: Collection[int],
) -> None:
    """Set who takes part and which leads are concerned; load the visit again to read them."""
    for table, column, ids in (
        (VisitParticipant, "person_id", participant_ids),
        (VisitLead, "lead_id", lead_ids),
    ):
        gone = delete(table).where(table.visit_id == visit.id)
        # else each row that this session ever read is asked whether it is gone
        db.execute(gone, execution_options={"synchronize_session": False})
        if ids:
            db.execute(
                insert(table), [{"visit_id": visit.id, column: row_id} for row_id in sorted(ids)]
            )
    db.expire(visit, ["participants", "leads"])


def remember(db: Session, visit: Visit, person_ids: Collection[int]) -> None:
    """Keep who led or joined the visit and does no longer: they may not judge it (REGIME 3)."""
    if person_ids:
        rows = [{"visit_id": visit.id, "person_id": each} for each in sorted(person_ids)]
        db.execute(insert_into(db, VisitFormer).values(rows).on_conflict_do_nothing())
