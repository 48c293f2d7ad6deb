"""The participants and leads of a visit, as rows of link tables."""

from collections.abc import Collection, Mapping
from datetime import date

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from crm.base.db import insert_into
from crm.base.pending import collect
from crm.base.value_class import value_class
from crm.leads.models import Lead
from crm.leads.permissions import visible as visible_leads
from crm.people.permissions import Viewer
from crm.visits.contacts import ContactChanged
from crm.visits.models import Visit, VisitFormer, VisitLead, VisitParticipant


@value_class
class VisitLinks:
    """A visit's participants and leads, and which of the leads a viewer may not see."""

    late_by: Mapping[int, int]  # by participant, how many days late the dates were entered
    lead_ids: frozenset[int]
    hidden_lead_ids: frozenset[int]

    @property
    def participant_ids(self) -> frozenset[int]:
        """Those who take part without leading."""
        return frozenset(self.late_by)


def links_of(db: Session, visit: Visit, viewer: Viewer, on: date) -> VisitLinks:
    """The visit's participants and leads, for that viewer."""
    # all leads, not only the seen ones: a change must keep the hidden ones
    leads = db.execute(
        select(Lead.id, visible_leads(viewer, on).label("is_seen"))
        .join(VisitLead, VisitLead.lead_id == Lead.id)
        .where(VisitLead.visit_id == visit.id)
    ).all()
    return VisitLinks(
        participants_of(db, visit.id),
        frozenset(row.id for row in leads),
        frozenset(row.id for row in leads if not row.is_seen),
    )


def participants_of(db: Session, visit_id: int) -> dict[int, int]:
    """By participant of the visit, how many days late its dates were entered for that person."""
    columns = (VisitParticipant.person_id, VisitParticipant.late_by_days)
    rows = db.execute(select(*columns).where(VisitParticipant.visit_id == visit_id))
    return dict(rows.all())


def lead_ids_of(db: Session, visit_id: int) -> set[int]:
    """All leads of the visit, whoever may see them."""
    return set(db.scalars(select(VisitLead.lead_id).where(VisitLead.visit_id == visit_id)))


def set_links(
    db: Session,
    visit: Visit,
    *,
    late_by: Mapping[int, int],
    lead_ids: Collection[int],
) -> None:
    """Set who takes part and which leads are concerned; load the visit again to read them.

    `late_by`: by participant, how many days late the dates were entered.
    """
    # also of a lead that the visit concerns no more
    collect(db, ContactChanged(lead_ids_of(db, visit.id)))
    for table in (VisitParticipant, VisitLead):
        gone = delete(table).where(table.visit_id == visit.id)
        # not synchronized: that would check each row that this session has read
        db.execute(gone, execution_options={"synchronize_session": False})

    add_links(db, visit, late_by=late_by, lead_ids=lead_ids)
    db.expire(visit, ["participants", "leads"])


def add_links(
    db: Session, visit: Visit, *, late_by: Mapping[int, int], lead_ids: Collection[int]
) -> None:
    """Write who takes part in a visit that has no links, and which leads it concerns."""
    people = [{"person_id": row_id, "late_by_days": late_by[row_id]} for row_id in sorted(late_by)]
    leads = [{"lead_id": row_id} for row_id in sorted(lead_ids)]

    for table, rows in ((VisitParticipant, people), (VisitLead, leads)):
        if rows:
            db.execute(_ADD[table], [{"visit_id": visit.id, **row} for row in rows])


# Into tables, not by classes: a session does twice the work for that.
_ADD = {
    table: insert(table.__table__)  # type: ignore[arg-type] # typed as what is selected from
    for table in (VisitParticipant, VisitLead)
}


def keep_former_people(db: Session, visit: Visit, person_ids: Collection[int]) -> None:
    """Keep who led, joined or changed the visit and no longer takes part: they may not judge it."""
    if person_ids:
        rows = [{"visit_id": visit.id, "person_id": row_id} for row_id in sorted(person_ids)]
        db.execute(insert_into(db, VisitFormer).values(rows).on_conflict_do_nothing())
