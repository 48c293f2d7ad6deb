"""The day of a lead's last contact: a column, so that lists need not read its whole history."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date

from sqlalchemy import bindparam, case, func, select, union_all, update
from sqlalchemy.orm import Session

from crm.base.db import batches
from crm.base.utc_midnight import CivilDate
from crm.followups.models import Followup
from crm.leads.models import Lead
from crm.visits.contacts import ContactChanged
from crm.visits.models import Visit, VisitLead
from crm.visits.rules import Status

# Columns of tables: a statement of classes costs a session twice as much.
_LEAD, _VISIT, _LINK = (table.__table__.c for table in (Lead, Visit, VisitLead))
_FOLLOWUP = Followup.__table__.c
# each part asks for its lead by itself: SQLite would else read all visits for one lead
_VISITED = (
    select(_VISIT.last_on.label("on"))
    .join_from(Visit.__table__, VisitLead.__table__, _VISIT.id == _LINK.visit_id)
    .where(_LINK.lead_id == _LEAD.id, _VISIT.status == Status.DONE)
    .correlate(Lead.__table__)
)
_FOLLOWED = (
    select(CivilDate(_FOLLOWUP.done_at).label("on"))
    .where(_FOLLOWUP.lead_id == _LEAD.id, _FOLLOWUP.done_at.is_not(None))
    .correlate(Lead.__table__)
)
_CONTACTS = union_all(_VISITED, _FOLLOWED).subquery()
LAST_CONTACT = select(func.max(_CONTACTS.c.on)).scalar_subquery()

# put together once: a visit is logged with it
_OF_IDS = _LEAD.id.in_(bindparam("lead_ids", expanding=True))
_HOLD = select(_LEAD.id).where(_OF_IDS).order_by(_LEAD.id).with_for_update(key_share=True)
_KEEP = (
    update(Lead.__table__)  # type: ignore[arg-type] # a table, typed as what is selected from
    .where(_OF_IDS, _LEAD.last_contact_on.is_distinct_from(LAST_CONTACT))
    .values(last_contact_on=LAST_CONTACT)
)


# one that was added is none to look for; whoever looks for others at once holds the row meanwhile
_ADD = (
    update(Lead.__table__)  # type: ignore[arg-type] # as above
    .where(_OF_IDS)
    .values(
        last_contact_on=case(
            (_LEAD.last_contact_on > bindparam("on"), _LEAD.last_contact_on),
            else_=bindparam("on"),
        )
    )
)


def apply_contacts(db: Session, changes: Iterable[ContactChanged]) -> None:
    """Find the last contact of the leads that the changes concern."""
    lead_ids, visit_ids = set[int](), set[int]()
    for change in changes:
        if change.on:
            _add_contact(db, change.lead_ids, change.on)
            continue
        lead_ids |= {*change.lead_ids}
        if change.visit_id is not None:
            visit_ids.add(change.visit_id)

    for part in batches(sorted(visit_ids)):
        lead_ids |= {*db.scalars(select(VisitLead.lead_id).where(VisitLead.visit_id.in_(part)))}
    keep_last_contacts(db, lead_ids)


def keep_last_contacts(db: Session, lead_ids: Collection[int]) -> None:
    """Set the column of these leads to the latest day of a visit made or a follow-up done."""
    for part in batches(sorted(lead_ids)):
        # held first: on PostgreSQL an update that waits for another does not see what that added
        _hold(db, part)
        db.execute(_KEEP, {"lead_ids": part})


def _add_contact(db: Session, lead_ids: Collection[int], on: date) -> None:
    for part in batches(sorted(lead_ids)):
        if len(part) > 1:  # in one order, or two changes might wait for each other
            _hold(db, part)
        db.execute(_ADD, {"lead_ids": part, "on": on})


def _hold(db: Session, lead_ids: Sequence[int]) -> None:
    if db.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        db.execute(_HOLD, {"lead_ids": lead_ids})
