"""What may be changed of many leads at once, and for how long it may be taken back. Pure."""

from datetime import date, datetime, timedelta

from crm.base.enums import LabeledEnum
from crm.base.value_class import value_class
from crm.leads.rules import Agreement, LeadRoleKind, Stage

MOST_LEADS = 100  # each is tried under the write lock before it is shown
UNDO_WITHIN = timedelta(hours=1)


class BulkKind(LabeledEnum):
    """What is changed of each lead."""

    TRACKER = "tracker", "跟踪责任人"
    UNIT = "unit", "责任单位"
    STAGE = "stage", "阶段"
    INDUSTRY = "industry", "产业"
    FOLLOWUP = "followup", "添加跟进"


ROLES = {
    BulkKind.TRACKER: LeadRoleKind.TRACKER,
    BulkKind.UNIT: LeadRoleKind.RESPONSIBLE_UNIT,
}


@value_class(kw_only=True)
class Asked:
    """What each of the leads is to get; `kind` says which of the values are set."""

    kind: BulkKind
    person_id: int | None = None  # of a follow-up: none means the tracker of each lead
    unit_id: int | None = None
    stage: Stage | None = None
    on: date | None = None
    agreement: Agreement | None = None
    look_again_on: date | None = None
    reason: str | None = None
    industry: str | None = None
    what: str = ""
    due_on: date | None = None


def may_undo(made_at: datetime, now: datetime) -> bool:
    """Whether a change of that moment may still be taken back."""
    return now <= made_at + UNDO_WITHIN
