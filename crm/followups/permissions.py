"""Who may see and change which follow-up (REGIME 2 and 6)."""

from datetime import date

from sqlalchemy import ColumnElement, Select, exists, false, or_, select
from sqlalchemy.orm import Session

from crm.followups.models import Followup
from crm.leads.models import Lead
from crm.leads.permissions import changeable as changeable_leads
from crm.leads.permissions import visible as visible_leads
from crm.people.permissions import Viewer
from crm.people.rules import WITH_RECORDS


def _of_lead(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Lead.id == Followup.lead_id, condition)


def of_visible_lead(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Follow-ups of the leads that the viewer may see."""
    return _of_lead(visible_leads(viewer, on))


def visible(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Follow-ups that the viewer may see: their own, and those of leads that they may see."""
    if viewer.role not in WITH_RECORDS:
        return false()
    # whoever owes a step must see it, though its lead may be hidden from them
    return or_(Followup.person_id == viewer.person_id, of_visible_lead(viewer, on))


def changeable(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Follow-ups the viewer may change: theirs, entered by them, or of a lead they may change."""
    if viewer.role not in WITH_RECORDS:
        return false()
    own = or_(Followup.person_id == viewer.person_id, Followup.entered_by_id == viewer.person_id)
    return visible(viewer, on) & or_(own, _of_lead(changeable_leads(viewer, on)))


def may_change_of_visible_lead(
    viewer: Viewer, followup: Followup, *, may_change_lead: bool
) -> bool:
    """The predicate of `changeable`, for a follow-up of a lead that the viewer may see."""
    return may_change_lead or viewer.person_id in (followup.person_id, followup.entered_by_id)


def visible_to(viewer: Viewer, on: date) -> Select[Followup]:
    """The follow-ups that the viewer may see on the date."""
    return select(Followup).where(visible(viewer, on))


def may_change(db: Session, viewer: Viewer, followup_id: int, on: date) -> bool:
    """Whether the viewer may finish or change the follow-up."""
    found = select(Followup.id).where(Followup.id == followup_id, changeable(viewer, on))
    return db.scalar(found) is not None
