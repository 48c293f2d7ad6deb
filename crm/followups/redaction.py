"""Follow-ups before a viewer, who may not see all of their leads (REGIME 2)."""

from collections.abc import Iterable, Mapping
from datetime import date

from sqlalchemy.orm import Session

from crm.base.value_class import value_class
from crm.followups.models import Followup
from crm.leads.redaction import LeadLabel, lead_labels
from crm.people.models import Person
from crm.people.permissions import Viewer


@value_class
class SeenFollowup:
    """A follow-up before a viewer: its lead by the label that the viewer may see."""

    followup: Followup
    person: Person
    lead: LeadLabel
    days_overdue: int  # none of what is done

    @property
    def is_overdue(self) -> bool:
        return self.days_overdue > 0


def shown(
    db: Session, viewer: Viewer, followups: Iterable[Followup], on: date
) -> list[SeenFollowup]:
    """The follow-ups, persons loaded, as the viewer may see them; one query for their leads."""
    followups = list(followups)
    labels = lead_labels(db, viewer, {followup.lead_id for followup in followups}, on)
    return [seen_as(followup, labels, on) for followup in followups]


def seen_as(followup: Followup, labels: Mapping[int, LeadLabel], on: date) -> SeenFollowup:
    """The follow-up with its lead by one of these labels."""
    label = labels[followup.lead_id]
    return SeenFollowup(followup, followup.person, label, days_overdue(followup, on))


def days_overdue(followup: Followup, on: date) -> int:
    """How many days ago it was due; what was done late is not overdue any more."""
    return 0 if followup.done_at else max(0, (on - followup.due_on).days)
