"""Who may see and change which lead, and who is left to see a restricted one (REGIME 2)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    false,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.errors import Refused
from crm.base.locks import hold
from crm.base.periods import DAY
from crm.base.value_class import value_class
from crm.leads.models import Lead, LeadRole
from crm.leads.rules import LeadRoleKind, Secrecy, first_gap
from crm.people.models import Person, Posting
from crm.people.permissions import Viewer, viewer
from crm.people.queries import at_work, held_on, posted_as, unit_tree, units_above
from crm.people.rules import OVERSEEING, WITH_RECORDS, Role


@lru_cache(maxsize=64)
def role_held_on(on: date | BindParameter[date]) -> ColumnElement[bool]:
    """Roles that hold on the date."""
    return (LeadRole.from_on <= on) & or_(LeadRole.to_on.is_(None), LeadRole.to_on >= on)


def named(
    person_id: int | BindParameter[int], on: date | BindParameter[date]
) -> ColumnElement[bool]:
    """Leads on which the person is named on the date, in whatever role."""
    return exists().where(
        LeadRole.lead_id == Lead.id, LeadRole.person_id == person_id, role_held_on(on)
    )


def in_charge(
    unit_ids: Collection[int] | Select[int] | BindParameter[list[int]],
    on: date | BindParameter[date],
) -> ColumnElement[bool]:
    """Leads for which one of the units is responsible on the date."""
    return exists().where(
        LeadRole.lead_id == Lead.id,
        LeadRole.role == LeadRoleKind.RESPONSIBLE_UNIT,
        LeadRole.unit_id.in_(unit_ids),
        role_held_on(on),
    )


# The SQL of these two follows from their arguments alone, and to put it together takes longer than
# to run it: a run through many mornings asks for the same again and again.
@lru_cache(maxsize=256)
def _own_or_in_scope(
    person_id: int | BindParameter[int],
    role: Role,
    unit_ids: frozenset[int] | BindParameter[list[int]],
    on: date | BindParameter[date],
) -> ColumnElement[bool]:
    """Leads of the person's own units or scope, or on which the person is named."""
    if role is Role.ADMIN:
        return true()
    units = select(Posting.unit_id).where(Posting.person_id == person_id, held_on(on))
    near = named(person_id, on) | in_charge(units, on)
    return near | in_charge(unit_ids, on) if role in OVERSEEING else near


@lru_cache(maxsize=256)
def _visible(
    person_id: int | BindParameter[int],
    role: Role,
    unit_ids: frozenset[int] | BindParameter[list[int]],
    on: date | BindParameter[date],
) -> ColumnElement[bool]:
    if role not in WITH_RECORDS:
        return false()
    return or_(
        Lead.secrecy == Secrecy.OPEN,
        and_(Lead.secrecy == Secrecy.INTERNAL, _own_or_in_scope(person_id, role, unit_ids, on)),
        and_(Lead.secrecy == Secrecy.RESTRICTED, named(person_id, on)),
    )


def visible(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Leads that the viewer may see on the date, whatever the query stands on (REGIME 2)."""
    return _visible(viewer.person_id, viewer.role, viewer.unit_ids, on)


@dataclass(frozen=True)
class _Anybody:
    """A person of a role, as far as conditions read one."""

    id: BindParameter[int]
    role: Role


ON: Any = bindparam("on")  # a date, for a statement that is put together once


@cache
def anybody(role: Role) -> Viewer:
    """Any viewer of that role, for a statement that is put together once, on the date `ON`.

    `values_of` has its values.
    """
    person: Any = _Anybody(bindparam("viewer_id"), role)
    unit_ids: Any = bindparam("viewer_units", expanding=True)
    return Viewer(person, unit_ids)


def visible_to_role(role: Role) -> ColumnElement[bool]:
    """As `visible`, before `anybody` of the role on the date `ON`."""
    return visible(anybody(role), ON)


def values_of(viewer: Viewer, on: date) -> dict[str, object]:
    """The values of `anybody` and `ON`."""
    return {"viewer_id": viewer.person_id, "viewer_units": list(viewer.unit_ids), "on": on}


@value_class
class LeadAccess:
    """What decides on a date who may see a lead."""

    secrecy: Secrecy
    named_ids: frozenset[int]  # the people named on it, in whatever role
    unit_ids: frozenset[int]  # the units responsible for it


def access_on(lead: Lead, on: date) -> LeadAccess:
    """The same of a lead whose roles are loaded."""
    held = [role for role in lead.roles if role.holds_on(on)]
    people = frozenset(role.person_id for role in held if role.person_id)
    units = frozenset(
        role.unit_id
        for role in held
        # REGIME 2: a unit that assists sees no more than before
        if role.unit_id and role.role is LeadRoleKind.RESPONSIBLE_UNIT
    )
    return LeadAccess(lead.secrecy, people, units)


def sees(viewer: Viewer, own_units: Collection[int], lead: LeadAccess) -> bool:
    """The predicate of `visible`; `own_units` are those of all the viewer's postings."""
    if viewer.role not in WITH_RECORDS:
        return False
    match lead.secrecy:
        case Secrecy.OPEN:
            return True
        case Secrecy.RESTRICTED:
            return viewer.person_id in lead.named_ids
    if viewer.role is Role.ADMIN or viewer.person_id in lead.named_ids:
        return True
    in_scope = viewer.oversees and not lead.unit_ids.isdisjoint(viewer.unit_ids)
    return in_scope or not lead.unit_ids.isdisjoint(own_units)


def changeable(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Visible leads that the viewer may change: of their units or scope, or entered by them."""
    # who entered a lead may correct it, whichever unit has it now
    near = _own_or_in_scope(viewer.person_id, viewer.role, viewer.unit_ids, on)
    return visible(viewer, on) & or_(near, Lead.entered_by_id == viewer.person_id)


def visible_to(viewer: Viewer, on: date) -> Select[Lead]:
    """The leads that the viewer may see on the date."""
    return select(Lead).where(visible(viewer, on))


def may_see(db: Session, viewer: Viewer, lead_id: int, on: date) -> bool:
    """Whether the viewer may see the lead."""
    return db.scalar(select(Lead.id).where(Lead.id == lead_id, visible(viewer, on))) is not None


def may_change(db: Session, viewer: Viewer, lead_id: int, on: date) -> bool:
    """Whether the viewer may change the lead."""
    return db.scalar(select(Lead.id).where(Lead.id == lead_id, changeable(viewer, on))) is not None


def first_unseen_dates(
    db: Session,
    on: date,
    *,
    lead_ids: Collection[int] | None = None,
    without: int | None = None,
    last_on: date = date.min,
) -> dict[int, date]:
    """By restricted lead, the first date from `on` on which nobody named on it may see it.

    `lead_ids` left out means all; of the person `without` nothing holds after `last_on`.
    """
    restricted = select(Lead.id).where(Lead.secrecy == Secrecy.RESTRICTED)
    if lead_ids is not None:
        restricted = restricted.where(Lead.id.in_(lead_ids))

    spans: dict[int, list[tuple[date, date]]] = {lead_id: [] for lead_id in db.scalars(restricted)}
    rows = db.execute(
        select(LeadRole.lead_id, LeadRole.from_on, LeadRole.to_on, Person.id, Person.disabled_at)
        .join(Person, Person.id == LeadRole.person_id)
        .where(
            LeadRole.lead_id.in_(restricted),
            or_(LeadRole.to_on.is_(None), LeadRole.to_on >= on),
            Person.role.in_(WITH_RECORDS),
        )
    )

    for row in rows:
        ends = [row.to_on or date.max]
        if row.disabled_at:
            # not the closing date itself: the account may close at any hour of it
            ends.append(civil_date(row.disabled_at) - DAY)
        if row.id == without:
            ends.append(last_on)
        spans[row.lead_id].append((row.from_on, min(ends)))

    found = {lead_id: first_gap(held, on) for lead_id, held in spans.items()}

    return {lead_id: gap for lead_id, gap in found.items() if gap}


def supervisors_of_lead(db: Session, lead_id: int, on: date) -> list[int]:
    """By id, the supervisors in whose scope the lead lies on the date, the nearest first."""
    responsible = select(LeadRole.unit_id).where(
        LeadRole.lead_id == lead_id,
        LeadRole.role == LeadRoleKind.RESPONSIBLE_UNIT,
        role_held_on(on),
    )
    unit_id = db.scalar(responsible.limit(1))
    return supervisors_of_unit(db, unit_id, on) if unit_id else []


def supervisors_of_unit(db: Session, unit_id: int, on: date) -> list[int]:
    """By id, the supervisors posted in the unit or above it on the date, the nearest first."""
    holders = posted_as(db, {Role.SUPERVISOR}, at_civil(on, time.max))
    chain = units_above(unit_tree(db), unit_id)
    # posted in several units, a supervisor counts where nearest
    return list(dict.fromkeys(holder for unit in chain for holder in holders.get(unit, ())))


def named_supervisors(db: Session, lead_id: int, on: date) -> set[int]:
    """Of the supervisors in whose scope the lead lies, those who are named on it."""
    named = select(LeadRole.person_id).where(LeadRole.lead_id == lead_id, role_held_on(on))
    named_ids = set(db.scalars(named))
    return {
        supervisor for supervisor in supervisors_of_lead(db, lead_id, on) if supervisor in named_ids
    }


def require_change(db: Session, lead: Lead, by: Person | None, now: datetime) -> None:
    """Refuse whoever may not change the lead; hold it as it is by now until the commit."""
    on = civil_date(now)
    if by and not may_change(db, viewer(db, by, on), lead.id, on):
        raise Refused("not_yours")
    hold(db, lead)


def require_somebody_named(db: Session, lead: Lead, on: date) -> None:
    """Refuse what would leave a restricted lead that nobody sees, now or on a later date."""
    db.flush()
    if first_unseen_dates(db, on, lead_ids=[lead.id]):
        raise Refused("last_named", field="person")


def colleague_of(
    db: Session,
    person_id: int | None,
    field: str,
    *,
    on: date,
    roles: Collection[Role] = WITH_RECORDS,
) -> Person:
    """The person of that id, of those whom a form offers: posted, and of one of the roles."""
    found = select(Person).where(Person.id == person_id, Person.role.in_(roles), at_work(on))
    person = db.scalar(found)
    if person is None:
        raise Refused("no_such_person", field=field)
    return person


def require_overseen(
    db: Session, lead: Lead, *, was_overseen: bool, by: Person | None, on: date
) -> None:
    """Refuse to hide a restricted lead from all its supervisors, unless `by` oversees it."""
    if by is None or not was_overseen or lead.secrecy is not Secrecy.RESTRICTED:
        return
    db.flush()
    over = supervisors_of_lead(db, lead.id, on)
    if not over or named_supervisors(db, lead.id, on):
        return
    if by.role is Role.ADMIN or (by.role is Role.LEADER and _oversees(db, by, lead, on)):
        return
    names = db.scalars(select(Person.name).where(Person.id.in_(over)).order_by(Person.id))
    raise Refused("supervisor_needed", field="informed_id", people="、".join(names))


def _oversees(db: Session, by: Person, lead: Lead, on: date) -> bool:
    units = viewer(db, by, on).unit_ids
    return db.scalar(select(Lead.id).where(Lead.id == lead.id, in_charge(units, on))) is not None
