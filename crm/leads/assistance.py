"""A unit offers to assist with another's lead, instead of entering it again (PROJECTS 6)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.mail_kinds import MessageKind
from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.leads.models import AssistanceOffer, Lead, LeadRole
from crm.leads.permissions import may_see, role_held_on, supervisors_of_lead, visible
from crm.leads.rules import LeadRoleKind
from crm.mailing.service import Envelope, post
from crm.people.models import Person, Unit
from crm.people.permissions import Viewer, viewer
from crm.people.queries import people_by_id, primary_posting

WAITS = timedelta(days=14)


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
    asked = supervisors_of_lead(db, lead.id, on)[:1]
    readers = people_by_id(db, {*trackers, *asked})
    _keep(db, lead, unit, asked=next(iter(asked), None), by=by, now=now)
    record(db, "lead.assistance_offered", lead, by=by, at=now, after={"unit_id": unit.id})

    return sum(
        _post(db, lead, unit, to=to, by=by, now=now, site=site)
        for to in readers.values()
        # a restricted lead may have a supervisor who does not know of it
        if not to.is_disabled(now) and may_see(db, viewer(db, to, on), lead.id, on)
    )


def leads_to_assist(db: Session, lead_ids: Sequence[int], by: Person, on: date) -> set[int]:
    """Those of the leads on which the unit of `by` has no role yet."""
    posting = primary_posting(db, by.id, on)
    if posting is None:
        return set()
    held = select(LeadRole.lead_id).where(
        LeadRole.lead_id.in_(lead_ids), LeadRole.unit_id == posting.unit_id, role_held_on(on)
    )
    return set(lead_ids) - set(db.scalars(held))


def _keep(  # noqa: PLR0913 - what was offered, by whom, to whom
    db: Session, lead: Lead, unit: Unit, *, asked: int | None, by: Person, now: datetime
) -> None:
    """Keep the offer; repeated while it waits, it stays one."""
    waiting = select(AssistanceOffer.id).where(
        AssistanceOffer.lead_id == lead.id,
        AssistanceOffer.unit_id == unit.id,
        AssistanceOffer.offered_at > now - WAITS,
    )
    if db.scalar(waiting.limit(1)) is None:
        db.add(
            AssistanceOffer(
                lead_id=lead.id,
                unit_id=unit.id,
                offered_at=now,
                offered_by_id=by.id,
                asked_id=asked,
            )
        )


@value_class
class MadeOffer:
    """An offer as the lead's timeline tells it."""

    at: datetime
    unit: str
    by: str


def offers_of(db: Session, lead_id: int) -> list[MadeOffer]:
    """The offers to assist with the lead, the first one first."""

    def read() -> list[MadeOffer]:
        query = (
            select(AssistanceOffer.offered_at, Unit.name, Person.name)
            .join(Unit, Unit.id == AssistanceOffer.unit_id)
            .join(Person, Person.id == AssistanceOffer.offered_by_id)
            .where(AssistanceOffer.lead_id == lead_id)
        )
        return [MadeOffer(*row) for row in db.execute(query.order_by(AssistanceOffer.id))]

    return remembered(db, "assistance-offers", lead_id, read=read)


def offers_waiting(db: Session, me: Viewer, now: datetime) -> Sequence[Lead]:
    """The leads on which the viewer is asked to let a unit assist, the first offer first.

    An offer waits until the unit has a role there, for two weeks at most.
    """
    on = civil_date(now)
    has_role = exists().where(
        LeadRole.lead_id == AssistanceOffer.lead_id,
        LeadRole.unit_id == AssistanceOffer.unit_id,
        role_held_on(on),
    )
    query = (
        select(Lead)
        .join(AssistanceOffer, AssistanceOffer.lead_id == Lead.id)
        .where(AssistanceOffer.asked_id == me.person_id, AssistanceOffer.offered_at > now - WAITS)
        .where(~has_role, visible(me, on))
        .order_by(AssistanceOffer.id)
    )
    return db.scalars(query).unique().all()


def _post(  # noqa: PLR0913 - one message, whole
    db: Session, lead: Lead, unit: Unit, *, to: Person, by: Person, now: datetime, site: Site
) -> bool:
    kind = MessageKind.ASSISTANCE
    key = f"{kind.value}:{lead.ref}:{to.username}:{unit.code}"  # offered twice, it is one message
    content = {"title": lead.title, "lead_id": lead.id, "unit": unit.name, "by": by, "reader": to}
    return post(db, Envelope(kind, key, now), person=to, site=site, **content)
