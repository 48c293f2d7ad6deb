"""What pages and digests read of follow-ups, always from those that the viewer may see."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    bindparam,
    or_,
    select,
)
from sqlalchemy.orm import Session, joinedload

from crm.base.clock import civil_date
from crm.base.paging import PAGE, Page, page_of, place_at
from crm.base.sheets import MOST_ROWS
from crm.base.value_class import value_class
from crm.followups.models import Followup, FollowupSnooze
from crm.followups.permissions import of_visible_lead, visible_to
from crm.followups.redaction import SeenFollowup, days_overdue, shown
from crm.leads.models import Lead
from crm.leads.permissions import values_of
from crm.leads.redaction import label_of, labelled_leads
from crm.people.permissions import Viewer
from crm.people.rules import Role


@value_class
class FollowupFilter:
    """What a list of follow-ups is narrowed to."""

    person_id: int | None = None
    lead_id: int | None = None
    is_open: bool | None = None
    due_until: date | None = None


_LEAD_IDS: BindParameter[list[int]] = bindparam("lead_ids", expanding=True)
# put together once: that takes longer than to run it
_OPEN_STEPS = (
    select(Followup.lead_id, Followup.due_on, Followup.what)
    .where(Followup.lead_id.in_(_LEAD_IDS), Followup.done_at.is_(None))
    .order_by(Followup.due_on.desc(), Followup.id.desc())
)


@value_class
class NextStep:
    """The open follow-up of a lead that is due first."""

    due_on: date
    what: str


def open_at(as_of: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Follow-ups that were entered and not yet done at that moment."""
    return (Followup.entered_at <= as_of) & or_(
        Followup.done_at.is_(None), Followup.done_at > as_of
    )


def followup_by_id(db: Session, viewer: Viewer, followup_id: int, on: date) -> SeenFollowup | None:
    """The follow-up as the viewer may see it; none: 404."""
    query = visible_to(viewer, on).where(Followup.id == followup_id)
    followup = db.scalar(query.options(joinedload(Followup.person)))
    return shown(db, viewer, [followup], on)[0] if followup else None


def snoozes_of(db: Session, followup_id: int) -> Sequence[FollowupSnooze]:
    """How often and why it was put off, the latest first, with who did it."""
    query = select(FollowupSnooze).where(FollowupSnooze.followup_id == followup_id)
    query = query.options(joinedload(FollowupSnooze.by))
    return db.scalars(query.order_by(FollowupSnooze.id.desc())).all()


def visible_followups(
    db: Session, viewer: Viewer, ids: Collection[int], on: date
) -> Sequence[Followup]:
    """Those of the follow-ups that the viewer may see, persons loaded, by their due dates."""
    query = visible_to(viewer, on).where(Followup.id.in_(ids)).options(joinedload(Followup.person))
    return db.scalars(query.order_by(Followup.due_on, Followup.id)).all()


def followups_page(  # noqa: PLR0913 - which page of which follow-ups, before whom
    db: Session,
    viewer: Viewer,
    on: date,
    *,
    by: FollowupFilter,
    cursor: str | None = None,
    size: int = PAGE,
) -> Page[Followup]:
    """A page of visible follow-ups, persons loaded for `shown`; open ones by their due date."""
    return page_of(
        db,
        _asked(viewer, on, by),
        on=Followup.due_on,
        row_id=Followup.id,
        cursor=cursor,
        size=size,
        earliest_first=by.is_open is True,
    )


def all_followups(
    db: Session, viewer: Viewer, on: date, *, by: FollowupFilter
) -> Sequence[Followup]:
    """All follow-ups of the list in its order, persons loaded for `shown`, for a file."""
    place = place_at(
        None,
        on=Followup.due_on,
        row_id=Followup.id,
        size=MOST_ROWS,  # further ones would fit into no file
        earliest_first=by.is_open is True,
    )
    return place.cut(db.scalars(place.narrowed(_asked(viewer, on, by))).all()).items


def _asked(viewer: Viewer, on: date, by: FollowupFilter) -> Select[Followup]:
    query = visible_to(viewer, on).options(joinedload(Followup.person))
    if by.person_id:
        query = query.where(Followup.person_id == by.person_id)

    if by.lead_id:
        # else the list would tell which hidden lead a step is about
        query = query.where(Followup.lead_id == by.lead_id, of_visible_lead(viewer, on))

    if by.is_open is not None:
        query = query.where(
            Followup.done_at.is_(None) if by.is_open else Followup.done_at.is_not(None)
        )

    if by.due_until:
        query = query.where(Followup.due_on <= by.due_until)

    return query


def due(db: Session, viewer: Viewer, until: date, *, as_of: datetime) -> list[SeenFollowup]:
    """What the viewer owes by the date, overdue first, as of that moment."""
    return due_for_now(db, viewer, until, as_of=as_of)[0]


def due_for_now(
    db: Session, viewer: Viewer, until: date, *, as_of: datetime
) -> tuple[list[SeenFollowup], datetime | None]:
    """The same, and the moment of the next edit that was made later but is committed already."""
    on = civil_date(as_of)
    values = {"until": until, "as_of": as_of, **values_of(viewer, on)}
    rows = db.execute(_due(viewer.role), values).all()
    steps: list[Followup] = [row.Followup for row in rows]
    edits = (at for step in steps for at in (step.entered_at, step.done_at) if at and at > as_of)

    found = [
        SeenFollowup(step, viewer.person, label_of(row), days_overdue(step, on))
        for step, row in zip(steps, rows, strict=True)
        if step.entered_at <= as_of
    ]
    return found, min(edits, default=None)


@cache
def _due(role: Role) -> Select[*tuple[Any, ...]]:
    """The open follow-ups of the viewer with the labels of their leads, put together once.

    Those that were entered later are among them.
    """
    return (
        labelled_leads(role)
        .add_columns(Followup)
        .join(Followup, Followup.lead_id == Lead.id)
        .where(
            Followup.person_id == bindparam("viewer_id"),
            Followup.due_on <= bindparam("until"),
            Followup.done_at.is_(None) | (Followup.done_at > bindparam("as_of")),
        )
        .order_by(Followup.due_on, Followup.id)
    )


def leads_with_open_step(db: Session, lead_ids: Collection[int], what: str) -> set[int]:
    """The leads on which exactly that is still to be done; the caller checks the rights."""
    query = select(Followup.lead_id).where(Followup.lead_id.in_(lead_ids), Followup.what == what)
    return set(db.scalars(query.where(Followup.done_at.is_(None))))


def next_steps(db: Session, lead_ids: Collection[int]) -> dict[int, NextStep]:
    """By lead, what is due on it first; the caller checks the rights."""
    # the latest come first, so that of each lead the earliest stays
    rows = db.execute(_OPEN_STEPS, {"lead_ids": lead_ids})
    return {lead_id: NextStep(due_on, what) for lead_id, due_on, what in rows}
