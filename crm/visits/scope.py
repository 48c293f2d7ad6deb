"""Which visits are whose: where every read and change of visits starts (REGIME 2 and 3)."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import ColumnElement, Select, exists, false, or_, select, union
from sqlalchemy.orm import Session, aliased

from crm.leads.models import Lead
from crm.leads.queries import visible as visible_leads
from crm.people.models import Person, Posting
from crm.people.queries import Viewer, people_in
from crm.people.rules import WITH_RECORDS, Role
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.rules import Kind, Status


def joined_by(people: Collection[int] | Select[int]) -> ColumnElement[bool]:
    """Visits in which one of the people takes part without leading."""
    return exists().where(
        VisitParticipant.visit_id == Visit.id, VisitParticipant.person_id.in_(people)
    )


def of_person(person_id: int) -> ColumnElement[bool]:
    """Visits that the person leads or joins, found by the two indexes of a person's visits."""
    led = select(Visit.id).where(Visit.leader_id == person_id)
    joined = select(VisitParticipant.visit_id).where(VisitParticipant.person_id == person_id)
    return Visit.id.in_(union(led, joined).scalar_subquery())


def theirs(person_id: int) -> ColumnElement[bool]:
    """Visits that the person led, joined or entered."""
    return or_(
        Visit.leader_id == person_id,
        Visit.entered_by_id == person_id,
        joined_by([person_id]),
    )


def in_scope(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Visits whose leader, or someone who takes part, is in the viewer's scope on the date."""
    if not viewer.oversees:
        return false()
    people = select(Person.id) if viewer.role is Role.ADMIN else people_in(viewer.unit_ids, on)
    return or_(Visit.leader_id.in_(people), joined_by(people))


def of_leads(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Visits that concern a lead for which the condition holds."""
    return exists().where(VisitLead.visit_id == Visit.id, VisitLead.lead_id == Lead.id, condition)


def visible(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Visits that the viewer may see on the date (REGIME 2)."""
    if viewer.role not in WITH_RECORDS:
        return false()
    return or_(
        theirs(viewer.person_id),
        in_scope(viewer, on),
        of_leads(visible_leads(viewer, on)),
    )


def readable(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Of the visible visits, those whose words the viewer may read: theirs, or all leads seen."""
    return or_(theirs(viewer.person_id), ~of_leads(~visible_leads(viewer, on)))


def changeable(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Visits that the viewer may change: theirs, and a supervisor's any in scope."""
    if viewer.role not in WITH_RECORDS:
        return false()
    own = theirs(viewer.person_id)
    return own | in_scope(viewer, on) if viewer.judges else own


def judgeable(viewer: Viewer) -> ColumnElement[bool]:
    """Visits that the viewer may confirm or reject (REGIME 3).

    The leader's primary unit on the first date is in scope, and it is not a visit of theirs.
    """
    if not viewer.judges:
        return false()
    posting = aliased(Posting)
    led_from_scope = exists().where(
        posting.person_id == Visit.leader_id,
        posting.is_primary,
        posting.from_on <= Visit.first_on,
        or_(posting.to_on.is_(None), posting.to_on >= Visit.first_on),
        posting.unit_id.in_(viewer.unit_ids),
    )
    own = or_(Visit.leader_id == viewer.person_id, joined_by([viewer.person_id]))
    entered = Visit.entered_by_id.is_not(None) & (Visit.entered_by_id == viewer.person_id)
    # a stay may be rejected while it is under way, as its past dates count already
    is_stay = (Visit.kind == Kind.RESIDENCY) & (Visit.status == Status.PLANNED)
    return led_from_scope & ~own & ~entered & ((Visit.status == Status.DONE) | is_stay)


def may_change(db: Session, viewer: Viewer, visit_id: int, on: date) -> bool:
    """Whether the viewer may change the visit."""
    found = select(Visit.id).where(Visit.id == visit_id, changeable(viewer, on))
    return db.scalar(found) is not None


def may_judge(db: Session, viewer: Viewer, visit_id: int) -> bool:
    """Whether the viewer may confirm or reject the visit."""
    return db.scalar(select(Visit.id).where(Visit.id == visit_id, judgeable(viewer))) is not None


def covering(first: date | None, last: date | None) -> ColumnElement[bool]:
    """Visits that cover a date of the span; a bound left out is open."""
    return (Visit.last_on >= (first or date.min)) & (Visit.first_on <= (last or date.max))
