"""Recipients whose mails a preview hides, because the viewer may not see what they mention."""

from datetime import date
from typing import Any

from sqlalchemy import CompoundSelect, select, union
from sqlalchemy.orm import Session

from crm.followups.models import Followup
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import visible
from crm.people.models import Person, Posting
from crm.people.permissions import Viewer, viewers
from crm.people.queries import held_on, open_through
from crm.people.rules import OVERSEEING
from crm.quotas.permissions import FigureScope, figure_scopes
from crm.visits.models import Visit, VisitLead, VisitParticipant


def recipients_of_hidden_leads(db: Session, viewer: Viewer, on: date) -> set[int]:
    """People linked to a lead that is hidden from the viewer, by role, visit or follow-up."""
    # A mail to any of these people may name the lead, so it is hidden as a whole.
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


def recipients_of_hidden_figures(db: Session, scope: FigureScope, on: date) -> set[int]:
    """People who see a figure, their own or another's, that is hidden from the viewer."""
    posts = db.execute(
        select(Posting.person_id, Posting.unit_id, Posting.duty).where(
            Posting.is_primary, held_on(on)
        )
    )
    own = {
        post.person_id for post in posts if not scope.sees(post.person_id, post.unit_id, post.duty)
    }
    people = db.scalars(select(Person).where(Person.role.in_(OVERSEEING), open_through(on))).all()
    # who oversees more than the viewer gets mails about figures that the viewer may not see
    scopes = figure_scopes(db, list(viewers(db, people, on)), on)
    return own | {person_id for person_id, other in scopes.items() if not scope.covers(other)}
