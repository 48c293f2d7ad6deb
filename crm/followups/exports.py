"""Follow-ups as rows of a file, as far as a viewer may see them."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from crm.base.fields import cells_of
from crm.followups.fields import FOLLOWUP_FIELDS
from crm.followups.models import Followup
from crm.followups.permissions import visible_to
from crm.leads.redaction import lead_labels
from crm.people.permissions import Viewer


def followup_rows(db: Session, viewer: Viewer | None, on: date) -> list[dict[str, object]]:
    """The follow-ups by when they are due; a lead hidden from the viewer is not named."""
    query = visible_to(viewer, on) if viewer else select(Followup)
    order = query.order_by(Followup.due_on, Followup.ref)
    loaded = order.options(joinedload(Followup.lead), joinedload(Followup.person))
    followups = db.scalars(loaded).all()

    # who owes a step has it in the file, even where its lead is hidden
    hidden: set[int] = set()
    if viewer:
        labels = lead_labels(db, viewer, {followup.lead_id for followup in followups}, on)
        hidden = {lead_id for lead_id, label in labels.items() if label.id is None}

    return [
        {
            **cells_of(FOLLOWUP_FIELDS, followup),
            "lead": None if followup.lead_id in hidden else followup.lead.ref,
            "lead_title": None if followup.lead_id in hidden else followup.lead.title,
            "person": followup.person.username,
            "person_name": followup.person.name,
            "repeat": followup.repetition.text if followup.repetition else None,
        }
        for followup in followups
    ]
