"""A role on a project goes to another, for good or for a time (REGIME 2)."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.locks import hold
from crm.base.periods import DAY
from crm.base.value_class import value_class
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import require_somebody_named
from crm.leads.rules import SINGLE_ROLES
from crm.people.models import Person


@value_class
class Term:
    """From which date, and until which one, both included; an open end is for good."""

    first: date
    last: date | None = None


def give_role_over(  # noqa: PLR0913 - what, to whom, when, by whose word
    db: Session, *, held: LeadRole, to: Person, term: Term, by: Person | None, now: datetime
) -> None:
    """Give the role to another; after a term it returns to its former holder.

    A member of a task force stays one while another stands in. Refused as `last_named`.
    """
    # held: of two who hand it over at once, the second sees what the first did
    lead = db.get_one(Lead, held.lead_id, with_for_update=True)
    hold(db, held)
    leaver_id, first, last = held.person_id, max(held.from_on, term.first), _last(held, term)
    if last is not None and last < first:
        return  # over before the term begins

    before = {"role": held.role, "person_id": leaver_id, "to_on": held.to_on}
    is_shared = term.last is not None and held.role not in SINGLE_ROLES

    if not is_shared:
        # before it is ended: the return takes over its last date
        _bring_back(db, held, last)
        _end(db, held, first)

    if not _holds(db, held, to, first):
        row = {"lead_id": lead.id, "role": held.role, "person_id": to.id}
        db.add(LeadRole(**row, from_on=first, to_on=last))

    # who is named on the lead is read from the database
    db.flush()
    require_somebody_named(db, lead, civil_date(now))
    after = {"role": before["role"], "person_id": to.id, "from_on": first, "to_on": last}
    record(db, "lead.role_handed_over", lead, by=by, at=now, before=before, after=after)


def _last(held: LeadRole, term: Term) -> date | None:
    """The last date of the other: that of the role, or of the term, whichever is first."""
    ends = [end for end in (held.to_on, term.last) if end is not None]
    return min(ends) if ends else None


def _bring_back(db: Session, held: LeadRole, last: date | None) -> None:
    """Give the role back after the last date, where it would have gone on."""
    if last is None or last == held.to_on:
        return
    row = {"lead_id": held.lead_id, "role": held.role, "person_id": held.person_id}
    db.add(LeadRole(**row, from_on=last + DAY, to_on=held.to_on))


def _end(db: Session, held: LeadRole, first: date) -> None:
    if held.from_on >= first:  # it had not begun
        db.delete(held)
    else:
        held.to_on = first - DAY


def _holds(db: Session, held: LeadRole, to: Person, on: date) -> bool:
    query = select(LeadRole.id).where(
        LeadRole.lead_id == held.lead_id,
        LeadRole.role == held.role,
        LeadRole.person_id == to.id,
        LeadRole.from_on <= on,
        # one that ends would leave the role empty afterwards
        LeadRole.to_on.is_(None),
    )
    return db.scalar(query.limit(1)) is not None
