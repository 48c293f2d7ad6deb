"""Who may see, read, change and judge which visit (REGIME 2 and 3)."""

from collections.abc import Collection
from datetime import date
from functools import lru_cache

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    exists,
    false,
    func,
    or_,
    select,
    true,
    union,
)
from sqlalchemy.orm import Session, aliased

from crm.leads.models import Lead
from crm.leads.permissions import visible as visible_leads
from crm.people.entry_grants import owners_of
from crm.people.models import Person, Posting
from crm.people.permissions import Viewer, acted_for, people_in
from crm.people.rules import JUDGING, WITH_RECORDS, Role
from crm.visits.models import Visit, VisitFormer, VisitLead, VisitParticipant
from crm.visits.rules import LONGEST_DAYS, Kind, Status


def joined_by(people: Collection[int] | Select[int]) -> ColumnElement[bool]:
    """Visits in which one of the people takes part without leading."""
    return exists().where(
        VisitParticipant.visit_id == Visit.id, VisitParticipant.person_id.in_(people)
    )


# Kept, as are the following: to put them together takes longer than to run them.
@lru_cache(maxsize=256)
def of_person(person_id: int | BindParameter[int]) -> ColumnElement[bool]:
    """Visits that the person leads or joins, found by the two indexes of a person's visits."""
    led = select(Visit.id).where(Visit.leader_id == person_id)
    joined = select(VisitParticipant.visit_id).where(VisitParticipant.person_id == person_id)
    return Visit.id.in_(union(led, joined).scalar_subquery())


def of_people(people: BindParameter[list[int]]) -> ColumnElement[bool]:
    """As `of_person`, for several people."""
    led = select(Visit.id).where(Visit.leader_id.in_(people))
    joined = select(VisitParticipant.visit_id).where(VisitParticipant.person_id.in_(people))
    return Visit.id.in_(union(led, joined).scalar_subquery())


def ids_since(person_id: int, since: date) -> CompoundSelect[int]:
    """Ids of the visits that the person leads or joins and that end on the date or later."""
    return ids_of(person_id, covering(since, None))


def ids_of(
    person_id: int | BindParameter[int], condition: ColumnElement[bool]
) -> CompoundSelect[int]:
    """Ids of the visits that the person leads or joins and for which the condition holds."""
    led = select(Visit.id).where(Visit.leader_id == person_id, condition)
    joined = (
        select(Visit.id)
        .join(VisitParticipant, VisitParticipant.visit_id == Visit.id)
        .where(VisitParticipant.person_id == person_id, condition)
    )
    return union(led, joined)


def theirs(person_id: int) -> ColumnElement[bool]:
    """Visits that the person led, joined or entered."""
    return or_(
        Visit.leader_id == person_id,
        Visit.entered_by_id == person_id,
        joined_by([person_id]),
    )


def on_behalf(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Visits of a person for whom the viewer enters on the date (代录): led or joined."""
    return _on_behalf(viewer.person_id, on)


@lru_cache(maxsize=256)
def _on_behalf(person_id: int, on: date) -> ColumnElement[bool]:
    owners = owners_of(person_id, on)
    return or_(Visit.leader_id.in_(owners), joined_by(owners))


def in_scope(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Visits whose leader, or someone who takes part, is in the viewer's scope on the date."""
    if not viewer.oversees:
        return false()
    return _of_people_in(None if viewer.role is Role.ADMIN else viewer.unit_ids, on)


@lru_cache(maxsize=256)
def _of_people_in(unit_ids: frozenset[int] | None, on: date) -> ColumnElement[bool]:
    people = select(Person.id) if unit_ids is None else people_in(unit_ids, on)
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
        on_behalf(viewer, on),
        of_leads(visible_leads(viewer, on)),
    )


def readable(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Of the visible visits, those whose words the viewer may read: their own, or all leads seen.

    To have entered a visit of others opens nothing that is hidden (REGIME 2).
    """
    return or_(of_person(viewer.person_id), ~of_leads(~visible_leads(viewer, on)))


def may_read_texts(person_id: int, people: Collection[int], *, sees_all_leads: bool) -> bool:
    """The predicate of `readable`, for a visit that these people lead or join."""
    return person_id in people or sees_all_leads


def changeable(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Visits that the viewer may change: led, joined, entered for another; a supervisor's in scope.

    Who entered it once for another may no longer, when that right has ended.
    """
    if viewer.role not in WITH_RECORDS:
        return false()
    own = of_person(viewer.person_id) | on_behalf(viewer, on)
    return own | in_scope(viewer, on) if viewer.judges else own


def judgeable(viewer: Viewer) -> ColumnElement[bool]:
    """Visits that the viewer may confirm or reject (REGIME 3).

    The leader's unit is in scope, and the viewer never led, joined or entered the visit, nor
    changed its facts or set it done for others.
    """
    if not (judging := _judged(viewer)):
        return false()

    # a stay may be rejected while it is under way, as its past dates count already
    is_stay = (Visit.kind == Kind.RESIDENCY) & (Visit.status == Status.PLANNED)
    is_open = (Visit.status == Status.DONE) | is_stay

    return and_(or_(*judging), *_not_of(viewer.person_id), is_open)


def _judged(viewer: Viewer) -> list[ColumnElement[bool]]:
    """The visits that the viewer reaches as a judge, and for each in whose name they judge."""
    judging: list[ColumnElement[bool]] = []
    if viewer.judges:
        # an admin judges also where the leader never held a primary posting
        is_admin = viewer.role is Role.ADMIN
        judging.append(true() if is_admin else unit_of_leader().in_(viewer.unit_ids))
    for principal in viewer.principals:
        if principal.role in JUDGING:
            reached = unit_of_leader().in_(principal.unit_ids)
            # nobody judges for another what that one may not judge
            judging.append(and_(reached, *_not_of(principal.person_id)))
    return judging


def _not_of(person_id: int) -> tuple[ColumnElement[bool], ...]:
    """REGIME 3: never a visit that they led, joined or entered."""
    own = or_(Visit.leader_id == person_id, joined_by([person_id]))
    # an import has nobody here: compared alone, it and its opposite would be unknown
    entered = Visit.entered_by_id.is_not(None) & (Visit.entered_by_id == person_id)
    once = exists().where(VisitFormer.visit_id == Visit.id, VisitFormer.person_id == person_id)
    return ~own, ~entered, ~once


def unit_of_leader() -> ColumnElement[int]:
    """The leader's primary unit on the first date; none then: the next one, else the last."""
    posting = aliased(Posting)
    unit = (
        select(posting.unit_id)
        .where(posting.person_id == Visit.leader_id, posting.is_primary)
        .correlate(Visit)
        .limit(1)
    )
    lasts = or_(posting.to_on.is_(None), posting.to_on >= Visit.first_on)
    held = unit.where(posting.from_on <= Visit.first_on, lasts)
    following = unit.where(posting.from_on > Visit.first_on).order_by(posting.from_on)
    last = unit.order_by(posting.from_on.desc())

    return func.coalesce(*(query.scalar_subquery() for query in (held, following, last)))


def may_read(db: Session, viewer: Viewer, visit_id: int, on: date) -> bool:
    """Whether the viewer may read the words of the visit, which they may see."""
    found = select(Visit.id).where(Visit.id == visit_id, readable(viewer, on))
    return db.scalar(found) is not None


def may_change(db: Session, viewer: Viewer, visit_id: int, on: date) -> bool:
    """Whether the viewer may change the visit."""
    found = select(Visit.id).where(Visit.id == visit_id, changeable(viewer, on))
    return db.scalar(found) is not None


def may_judge(db: Session, viewer: Viewer, visit_id: int) -> bool:
    """Whether the viewer may confirm or reject the visit."""
    return db.scalar(select(Visit.id).where(Visit.id == visit_id, judgeable(viewer))) is not None


def judged_for(db: Session, viewer: Viewer, visit_id: int) -> int | None:
    """In whose name the viewer judges a visit that they may judge; none: in their own."""
    return acted_for(viewer, lambda one: may_judge(db, one, visit_id))


def covering(first: date | None, last: date | None) -> ColumnElement[bool]:
    """Visits that cover a date of the span; a bound left out is open."""
    covers = Visit.first_on <= (last or date.max)
    if first is None:
        return covers
    return covers & (Visit.first_on > earliest_start(first)) & (Visit.last_on >= first)


def earliest_start(covered: date) -> date:
    """Visits that cover the date or end later began after this one.

    A visit is at most 92 days long (REGIME 3), so what ended before the date costs nothing.
    """
    # 1 is the ordinal of `date.min`
    return date.fromordinal(max(covered.toordinal() - LONGEST_DAYS, 1))
