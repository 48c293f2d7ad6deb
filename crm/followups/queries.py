"""Who may see which follow-up, and what pages and digests read of them (REGIME 2 and 6)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, exists, false, or_, select
from sqlalchemy.orm import Session, joinedload

from crm.base.paging import Page, page_of
from crm.followups.models import Followup
from crm.leads.models import Lead
from crm.leads.permissions import changeable as changeable_leads
from crm.leads.permissions import visible as visible_leads
from crm.leads.redaction import LeadLabel, lead_labels
from crm.people.models import Person
from crm.people.queries import Viewer
from crm.people.rules import WITH_RECORDS


@dataclass(frozen=True, slots=True)
class SeenFollowup:
    """A follow-up before a viewer: its lead by the label that the viewer may see."""

    followup: Followup
    person: Person
    lead: LeadLabel
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class FollowupFilter:
    """What a list of follow-ups is narrowed to."""

    person_id: int | None = None
    lead_id: int | None = None
    is_open: bool | None = None
    due_until: date | None = None


def _of_lead(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Lead.id == Followup.lead_id, condition)


def visible(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Follow-ups that the viewer may see: their own, and those of leads that they may see."""
    if viewer.role not in WITH_RECORDS:
        return false()
    return or_(Followup.person_id == viewer.person_id, _of_lead(visible_leads(viewer, on)))


def changeable(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Follow-ups that the viewer may change: theirs, entered by them, or of a lead near them."""
    if viewer.role not in WITH_RECORDS:
        return false()
    own = or_(Followup.person_id == viewer.person_id, Followup.entered_by_id == viewer.person_id)
    return visible(viewer, on) & or_(own, _of_lead(changeable_leads(viewer, on)))


def open_at(as_of: datetime) -> ColumnElement[bool]:
    """Follow-ups that were entered and not yet done at that moment."""
    return (Followup.entered_at <= as_of) & or_(
        Followup.done_at.is_(None), Followup.done_at > as_of
    )


def visible_to(viewer: Viewer, on: date) -> Select[Followup]:
    """The follow-ups that the viewer may see on the date."""
    return select(Followup).where(visible(viewer, on))


def may_change(db: Session, viewer: Viewer, followup_id: int, on: date) -> bool:
    """Whether the viewer may finish or change the follow-up."""
    found = select(Followup.id).where(Followup.id == followup_id, changeable(viewer, on))
    return db.scalar(found) is not None


def shown(
    db: Session, viewer: Viewer, followups: Iterable[Followup], on: date
) -> list[SeenFollowup]:
    """The follow-ups, persons loaded, as the viewer may see them; one query for their leads."""
    followups = list(followups)
    labels = lead_labels(db, viewer, {followup.lead_id for followup in followups}, on)
    return [
        SeenFollowup(
            followup,
            followup.person,
            labels[followup.lead_id],
            followup.done_at is None and followup.due_on < on,
        )
        for followup in followups
    ]


def followup_by_id(db: Session, viewer: Viewer, followup_id: int, on: date) -> SeenFollowup | None:
    """The follow-up as the viewer may see it; none: 404."""
    query = visible_to(viewer, on).where(Followup.id == followup_id)
    followup = db.scalar(query.options(joinedload(Followup.person)))
    return shown(db, viewer, [followup], on)[0] if followup else None


def followups_page(
    db: Session, viewer: Viewer, on: date, *, by: FollowupFilter, cursor: str | None = None
) -> Page[Followup]:
    """A page of visible follow-ups, persons loaded for `shown`; open ones by their due date."""
    query = visible_to(viewer, on).options(joinedload(Followup.person))
    if by.person_id:
        query = query.where(Followup.person_id == by.person_id)

    if by.lead_id:
        query = query.where(Followup.lead_id == by.lead_id, _of_lead(visible_leads(viewer, on)))

    if by.is_open is not None:
        query = query.where(
            Followup.done_at.is_(None) if by.is_open else Followup.done_at.is_not(None)
        )

    if by.due_until:
        query = query.where(Followup.due_on <= by.due_until)

    return page_of(
        db,
        query,
        on=Followup.due_on,
        row_id=Followup.id,
        cursor=cursor,
        earliest_first=by.is_open is True,
    )


def due(db: Session, person_id: int, until: date, *, as_of: datetime) -> Sequence[Followup]:
    """What the person owes by the date, overdue first, as of that moment; persons loaded."""
    query = select(Followup).where(
        Followup.person_id == person_id, Followup.due_on <= until, open_at(as_of)
    )
    query = query.options(joinedload(Followup.person))
    return db.scalars(query.order_by(Followup.due_on, Followup.id)).all()
