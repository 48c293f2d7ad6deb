"""Who leads, tracks and answers for a lead, as dated rows (REGIME 6)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.locks import hold
from crm.base.periods import DAY
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import (
    colleague_of,
    named_supervisors,
    require_change,
    require_overseen,
    require_somebody_named,
)
from crm.leads.rules import SINGLE_ROLES, UNIT_ROLES, LeadRoleKind
from crm.people.models import Person, Unit


def give_role(  # noqa: PLR0913 - a role has that many parts
    db: Session,
    *,
    lead: Lead,
    role: LeadRoleKind,
    holder: Person | Unit,
    from_on: date,
    by: Person | None,
    now: datetime,
) -> LeadRole:
    """Give the role from that date on; it ends for who held it, unless several may hold it.

    Refused as `not_yours`, `no_such_person`, `wrong_holder`, `role_held_later`, `last_named`.
    """
    require_change(db, lead, by, now)
    on = civil_date(now)
    if isinstance(holder, Person):
        colleague_of(db, holder.id, "holder", on=on)

    # before the change: only what takes the last supervisor away is refused
    was_overseen = bool(named_supervisors(db, lead.id, on))
    given = name_holder(db, lead=lead, role=role, holder=holder, from_on=from_on, by=by, now=now)
    require_overseen(db, lead, was_overseen=was_overseen, by=by, on=on)

    return given


def name_holder(  # noqa: PLR0913 - as give_role
    db: Session,
    *,
    lead: Lead,
    role: LeadRoleKind,
    holder: Person | Unit,
    from_on: date,
    by: Person | None,
    now: datetime,
) -> LeadRole:
    """`give_role` without the check of the right: for those who enter the lead."""
    if isinstance(holder, Unit) is not (role in UNIT_ROLES):
        raise Refused("wrong_holder", field="holder", role=role.label)

    person_id, unit_id = (None, holder.id) if isinstance(holder, Unit) else (holder.id, None)
    held = _holding(db, lead, role, from_on)

    # held already: to give it again changes nothing
    for row in held:
        if (row.person_id, row.unit_id) == (person_id, unit_id) and row.from_on <= from_on:
            return row

    before = [_role_values(row) for row in held] if role in SINGLE_ROLES else None
    if role in SINGLE_ROLES:
        _end_all(db, held, from_on)

    given = LeadRole(
        lead_id=lead.id, role=role, person_id=person_id, unit_id=unit_id, from_on=from_on
    )
    db.add(given)
    require_somebody_named(db, lead, civil_date(now))
    after = {"role": role, "held": _role_values(given)}
    record(db, "lead.role_given", lead, by=by, at=now, before={"held": before}, after=after)

    return given


def end_role(  # noqa: PLR0913 - as give_role
    db: Session, *, lead: Lead, held: LeadRole, last_on: date, by: Person | None, now: datetime
) -> None:
    """End a role with that date; one that would end before it began never was."""
    require_change(db, lead, by, now)
    hold(db, held)
    if held.lead_id != lead.id:
        raise Refused("unknown_role", field="role")

    before, on = _role_values(held), civil_date(now)
    was_overseen = bool(named_supervisors(db, lead.id, on))

    if last_on < held.from_on:
        db.delete(held)
    else:
        held.to_on = last_on

    require_somebody_named(db, lead, on)
    require_overseen(db, lead, was_overseen=was_overseen, by=by, on=on)
    after = {"role": held.role, "last_on": last_on}
    record(db, "lead.role_ended", lead, by=by, at=now, before=before, after=after)


def end_roles_of(db: Session, lead: Lead, person_id: int, from_on: date) -> list[LeadRoleKind]:
    """End with the day before whatever the person holds on the lead; the roles that became free.

    The caller gives them to somebody else and records it.
    """
    held = [
        row
        for role in LeadRoleKind
        for row in _holding(db, lead, role, from_on)
        if row.person_id == person_id
    ]

    for row in held:
        if row.from_on >= from_on:  # never begun: taken back
            db.delete(row)
        else:
            row.to_on = from_on - DAY

    db.flush()

    return [
        row.role
        for row in held
        if row.role not in SINGLE_ROLES or not _holding(db, lead, row.role, from_on)
    ]


def _holding(db: Session, lead: Lead, role: LeadRoleKind, on: date) -> list[LeadRole]:
    return list(
        db.scalars(
            select(LeadRole).where(
                LeadRole.lead_id == lead.id,
                LeadRole.role == role,
                LeadRole.to_on.is_(None) | (LeadRole.to_on >= on),
            )
        )
    )


def _end_all(db: Session, held: list[LeadRole], from_on: date) -> None:
    for row in held:
        if row.from_on > from_on:
            raise Refused("role_held_later", field="from_on", on=row.from_on)
        if row.from_on == from_on:  # replaced on the day it began: it never held
            db.delete(row)
        else:
            row.to_on = from_on - DAY


def _role_values(row: LeadRole) -> dict[str, object]:
    return {
        "role": row.role,
        "person_id": row.person_id,
        "unit_id": row.unit_id,
        "from_on": row.from_on,
        "to_on": row.to_on,
    }


def responsible_unit_on(on: Any) -> Any:
    """The unit responsible for the query's lead; `on` is a date or a column of dates."""
    return (
        select(LeadRole.unit_id)
        .where(
            LeadRole.lead_id == Lead.id,
            LeadRole.role == LeadRoleKind.RESPONSIBLE_UNIT,
            LeadRole.from_on <= on,
            or_(LeadRole.to_on.is_(None), LeadRole.to_on >= on),
        )
        # where the unit changed on that date, the new one
        .order_by(LeadRole.from_on.desc(), LeadRole.id.desc())
        .limit(1)
        .correlate_except(LeadRole)
        .scalar_subquery()
    )
