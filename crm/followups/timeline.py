"""The timeline of a lead: milestones, visits, follow-ups and changed amounts, latest first."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from crm.base.clock import civil_date
from crm.base.value_class import value_class
from crm.followups.models import Followup
from crm.leads.amounts import AmountChange, amount_changes, amounts_of
from crm.leads.models import Lead, Milestone
from crm.people.permissions import Viewer
from crm.visits.lists import shown_with_words
from crm.visits.models import Visit, VisitLead
from crm.visits.redaction import SeenVisit

MOST_VISITS = 200  # the list of visits has them all


@value_class
class Entry:
    """One event of a lead: exactly one of these is set."""

    on: date
    at: datetime  # tells apart what happened on one date
    milestone: Milestone | None = None
    visit: SeenVisit | None = None
    followup: Followup | None = None
    amount: AmountChange | None = None


def timeline(db: Session, viewer: Viewer, lead: Lead, on: date) -> list[Entry]:
    """What happened on a lead that the viewer may see, latest first.

    Its milestones are loaded.
    """
    entries = [
        # the latest first, as those of one date stay in their order
        *(_milestone_entry(step) for step in reversed(lead.milestones)),
        *(
            Entry(seen.first_on, seen.starts_at, visit=seen)
            for seen in _visits(db, viewer, lead, on)
        ),
        *(_followup_entry(step) for step in _followups(db, lead)),
        *(_amount_entry(change) for change in amount_changes(amounts_of(db, lead.id))),
    ]
    return sorted(entries, key=lambda entry: (entry.on, entry.at), reverse=True)


def _milestone_entry(step: Milestone) -> Entry:
    return Entry(step.reached_on, step.entered_at, milestone=step)


def _followup_entry(step: Followup) -> Entry:
    return Entry(_shown_on(step), step.done_at or step.entered_at, followup=step)


def _amount_entry(change: AmountChange) -> Entry:
    return Entry(civil_date(change.at), change.at, amount=change)


def _visits(db: Session, viewer: Viewer, lead: Lead, on: date) -> list[SeenVisit]:
    # every visit of a visible lead is visible; another lead of it may still hide its words
    query = (
        select(Visit)
        .join(VisitLead, VisitLead.visit_id == Visit.id)
        .where(VisitLead.lead_id == lead.id)
        .order_by(Visit.first_on.desc(), Visit.id.desc())
        .limit(MOST_VISITS)
    )
    return shown_with_words(db, viewer, query, on)


def _followups(db: Session, lead: Lead) -> list[Followup]:
    query = select(Followup).where(Followup.lead_id == lead.id)
    query = query.options(joinedload(Followup.person))
    return list(db.scalars(query.order_by(Followup.due_on.desc(), Followup.id.desc())))


def _shown_on(followup: Followup) -> date:
    """The date a follow-up is shown at: when it was done, else when it is due."""
    return civil_date(followup.done_at) if followup.done_at else followup.due_on
