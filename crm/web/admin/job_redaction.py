"""Whose mails an admin may not read in a preview: they tell of what is hidden from the admin."""

from datetime import date
from typing import Any

from sqlalchemy import CompoundSelect, select, union
from sqlalchemy.orm import Session

from crm.followups.models import Followup
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import visible
from crm.people.models import Person, Posting
from crm.people.queries import Viewer, held_on, open_through, viewers
from crm.people.rules import OVERSEEING
from crm.quotas.permissions import FigureScope, figure_scopes
from crm.visits.models import Visit, VisitLead, VisitParticipant


def told_of_hidden(db: Session, viewer: Viewer, on: date) -> set[int]:
    """Everyone who may be told of a lead that the viewer may not see (REGIME 2).

    They are named on it, or it is in a visit or a follow-up of theirs.
    """
    hidden = select(Lead.id).where(~visible(viewer, on))
    visits = select(VisitLead.visit_id).where(VisitLead.lead_id.in_(hidden))
    people: CompoundSelect[Any] = union(
        select(LeadRole.person_id).where(LeadRole.lead_id.in_(hidden)),
        select(Visit.leader_id).where(Visit.id.in_(visits)),
        select(Visit.entered_by_id).where(Visit.id.in_(visits)),
        select(VisitParticipant.person_id).where(VisitParticipant.visit_id.in_(visits)),
        select(Followup.person_id).where(Followup.lead_id.in_(hidden)),
        select(Followup.entered_by_id).where(Followup.lead_id.in_(hidden)),
    )
    return {person_id for person_id in db.scalars(people) if person_id is not None}


def told_of_figures(db: Session, scope: FigureScope, on: date) -> set[int]:
    """Everyone who may be told of a figure that the viewer may not see: their own, or others'."""
    posts = db.execute(
        select(Posting.person_id, Posting.unit_id, Posting.duty).where(
            Posting.is_primary, held_on(on)
        )
    )
    own = {one.person_id for one in posts if not scope.sees(one.person_id, one.unit_id, one.duty)}
    people = db.scalars(select(Person).where(Person.role.in_(OVERSEEING), open_through(on))).all()
    scopes = figure_scopes(db, list(viewers(db, people, on)), on)
    return own | {person_id for person_id, other in scopes.items() if not scope.covers(other)}
