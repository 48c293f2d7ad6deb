"""A unit offers to assist with another's lead, instead of entering it again (PROJECTS 6)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.mail_kinds import MessageKind
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import may_see, role_held_on, supervisors_of_lead
from crm.leads.rules import LeadRoleKind
from crm.mailing.service import Envelope, post
from crm.people.models import Person, Unit
from crm.people.permissions import viewer
from crm.people.queries import people_by_id, primary_posting


def offer_assistance(db: Session, *, lead: Lead, by: Person, now: datetime, site: Site) -> int:
    """Tell the tracker and the nearest supervisor that the unit of `by` would assist; how many.

    They give the role. Refused as `no_such_lead`, `no_unit`, `unit_on_lead`.
    """
    on = civil_date(now)
    if not may_see(db, viewer(db, by, on), lead.id, on):
        raise Refused("no_such_lead")
    posting = primary_posting(db, by.id, on)
    if posting is None:
        raise Refused("no_unit")
    held = db.execute(
        select(LeadRole.role, LeadRole.person_id, LeadRole.unit_id).where(
            LeadRole.lead_id == lead.id, role_held_on(on)
        )
    ).all()
    if any(row.unit_id == posting.unit_id for row in held):
        raise Refused("unit_on_lead")

    unit = db.get_one(Unit, posting.unit_id)
    trackers = [row.person_id for row in held if row.role is LeadRoleKind.TRACKER]
    readers = people_by_id(db, {*trackers, *supervisors_of_lead(db, lead.id, on)[:1]})
    record(db, "lead.assistance_offered", lead, by=by, at=now, after={"unit_id": unit.id})

    return sum(
        _post(db, lead, unit, to=to, by=by, now=now, site=site)
        for to in readers.values()
        # a restricted lead may have a supervisor who does not know of it
        if not to.is_disabled(now) and may_see(db, viewer(db, to, on), lead.id, on)
    )


def _post(  # noqa: PLR0913 - one message, whole
    db: Session, lead: Lead, unit: Unit, *, to: Person, by: Person, now: datetime, site: Site
) -> bool:
    kind = MessageKind.ASSISTANCE
    key = f"{kind.value}:{lead.ref}:{to.username}:{unit.code}"  # offered twice, it is one message
    content = {"title": lead.title, "lead_id": lead.id, "unit": unit.name, "by": by, "reader": to}
    return post(db, Envelope(kind, key, now), person=to, site=site, **content)
