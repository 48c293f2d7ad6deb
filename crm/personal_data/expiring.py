"""Contacts that nobody needs any more: an admin confirms each erasure, or keeps it (PIPL 19, 47).

Of a company whose leads are all lost, and with which nothing has been going on for the period.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, ScalarSelect, and_, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from crm.base.audit import record
from crm.base.clock import at_civil, civil_date
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.leads.models import Contact, Lead, Milestone
from crm.leads.reached import seen_contacts
from crm.leads.rules import Stage
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.people.rules import Role
from crm.personal_data.models import KeptContact
from crm.personal_data.retention import retention_periods
from crm.personal_data.retention_rules import KEEP_MONTHS, Kept, months_after, months_before
from crm.visits.models import Visit, VisitCompany

MOST_SHOWN = 50


@value_class
class Expiring:
    """A contact over its period, and when something last happened with its company."""

    contact: Contact
    last_on: date


@value_class
class ExpiringContacts:
    """Those that the viewer may see, as far as a page shows them, and how many there are."""

    shown: Sequence[Expiring]
    seen: int
    hidden: int  # of hidden leads


def expiring_count(db: Session, on: date) -> int:
    """How many contacts wait for a decision, hidden ones as well."""
    over = _over(db, on)
    if over is None:
        return 0
    return db.scalar(select(func.count()).select_from(Contact).where(over)) or 0


def expiring_contacts(db: Session, viewer: Viewer, on: date) -> ExpiringContacts:
    """The contacts that wait for a decision, the oldest first."""
    over = _over(db, on)
    if over is None:
        return ExpiringContacts([], 0, 0)

    seen = seen_contacts(over, viewer, on)
    count = db.scalar(select(func.count()).select_from(Contact).where(seen)) or 0
    query = select(Contact, *_last_dates()).where(seen).options(joinedload(Contact.company))
    rows = db.execute(query.order_by(Contact.created_at, Contact.id).limit(MOST_SHOWN)).all()
    shown = [_expiring(row[0], row[1:]) for row in rows]
    return ExpiringContacts(shown, count, expiring_count(db, on) - count)


def _expiring(contact: Contact, dates: Iterable[date | None]) -> Expiring:
    return Expiring(contact, max([civil_date(contact.created_at), *filter(None, dates)]))


def keep_contact_longer(
    db: Session, *, contact: Contact, reason: str, by: Person, now: datetime
) -> KeptContact:
    """Keep the contact for another year; refused as `not_yours`, `required`, `not_expiring`."""
    if by.role is not Role.ADMIN:
        raise Refused("not_yours")
    if not reason.strip():
        raise Refused("required", field="reason")
    on = civil_date(now)
    over = _over(db, on)
    found = over is not None and db.scalar(select(exists().where(over, Contact.id == contact.id)))
    if not found:
        raise Refused("not_expiring")

    kept = db.scalar(select(KeptContact).where(KeptContact.contact_id == contact.id))
    kept = kept or KeptContact(contact_id=contact.id)
    kept.kept_until, kept.reason = months_after(on, KEEP_MONTHS), reason.strip()
    kept.decided_by_id, kept.decided_at = by.id, now
    db.add(kept)
    after = {"kept_until": kept.kept_until, "reason": kept.reason}
    record(db, "contact.kept", contact, by=by, at=now, after=after)
    return kept


def _over(db: Session, on: date) -> ColumnElement[bool] | None:
    """Which contacts are over the period; None where contacts have none."""
    months = retention_periods(db)[Kept.CONTACTS]
    if months is None:
        return None

    since = months_before(on, months)
    own = Lead.company_id == Contact.company_id
    of_use = exists().where(
        own,
        or_(Lead.stage != Stage.LOST, Lead.entered_on >= since, Lead.last_contact_on >= since),
    )
    moved = exists().where(own, Milestone.lead_id == Lead.id, Milestone.reached_on >= since)
    visited = exists().where(
        VisitCompany.company_id == Contact.company_id,
        Visit.id == VisitCompany.visit_id,
        Visit.last_on >= since,
    )
    kept = exists().where(KeptContact.contact_id == Contact.id, KeptContact.kept_until > on)
    return and_(
        Contact.erased_at.is_(None),
        Contact.created_at < at_civil(since),
        *(~reason.correlate(Contact) for reason in (of_use, moved, visited, kept)),
    )


def _last_dates() -> list[ScalarSelect[date | None]]:
    """When the company's leads were last in contact or moved on, and when it was last visited."""
    own = Lead.company_id == Contact.company_id
    queries = (
        select(func.max(Lead.entered_on)).where(own),
        select(func.max(Lead.last_contact_on)).where(own),
        select(func.max(Milestone.reached_on)).where(own, Milestone.lead_id == Lead.id),
        select(func.max(Visit.last_on)).where(
            VisitCompany.company_id == Contact.company_id, Visit.id == VisitCompany.visit_id
        ),
    )
    return [query.correlate(Contact).scalar_subquery() for query in queries]
