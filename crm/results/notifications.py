"""Mails about a claim: to whom it waits for next, and to those whose claim was decided."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.money import format_amount
from crm.base.outbox import MessageKind
from crm.base.value_class import value_class
from crm.leads.models import Company, Lead, LeadRole
from crm.leads.permissions import role_held_on
from crm.leads.rules import LeadRoleKind
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.people.queries import active_at
from crm.people.rules import Role
from crm.quotas.queries import working_calendar
from crm.results.deciders import deciders
from crm.results.models import Claim, ClaimEntry
from crm.results.permissions import claim_scope, may_see
from crm.results.queries import due_on
from crm.results.workflow import CLAIM_WORKFLOW, Actor


@value_class
class ClaimNotice:
    """A step of a claim as its readers are told of it."""

    claim: Claim
    entry: ClaimEntry
    lead_title: str
    company_name: str
    by_name: str
    amount: str
    due_on: date | None
    is_without_decider: bool  # an admin has to name somebody


def tell(
    db: Session, *, claim: Claim, entry: ClaimEntry, site: Site, at: datetime | None = None
) -> int:
    """Put the mails of a step into the outbox, once each; how many.

    `at`: the slot's own moment where the clock does it; the step's when left out.
    """
    kind, made_at = MessageKind.CLAIM, at or entry.at
    notice, people = _notice(db, claim, entry), readers_of(db, claim, entry)
    return sum(
        post(
            db,
            Envelope(kind, f"{kind.value}:{claim.id}:{person.username}:{entry.id}", made_at),
            person=person,
            site=site,
            notice=notice,
            reader=person,
        )
        for person in people
    )


def readers_of(db: Session, claim: Claim, entry: ClaimEntry) -> list[Person]:
    """The people who get a mail about a step, except the person who took it; all may see it."""
    told = CLAIM_WORKFLOW.of(entry.step).tells
    ids: set[int | None] = {claim.claimed_by_id} if Actor.CLAIMANT in told else set()
    if Actor.TRACKER in told:
        tracker = (LeadRole.role == LeadRoleKind.TRACKER) & role_held_on(civil_date(entry.at))
        query = select(LeadRole.person_id).where(LeadRole.lead_id == claim.lead_id, tracker)
        ids.update(db.scalars(query))
    if Actor.RECOGNISER in told:
        ids.update(_deciding(db, claim, entry.at))

    on = civil_date(entry.at)
    return [
        person
        for person in _people(db, ids - {entry.by_id}, entry.at)
        if may_see(db, claim_scope(db, viewer(db, person, on), on), claim.id)
    ]


def _deciding(db: Session, claim: Claim, at: datetime) -> Sequence[int]:
    """Who may decide on it; the admins, who name somebody, where nobody is left."""
    if claim.named_id is not None:
        return [claim.named_id]
    found = deciders(db, [claim], at)[claim.id]
    return found or db.scalars(select(Person.id).where(Person.role == Role.ADMIN)).all()


def _people(db: Session, ids: Collection[int | None], at: datetime) -> Sequence[Person]:
    query = select(Person).where(Person.id.in_({*ids} - {None}), active_at(at))
    return db.scalars(query.order_by(Person.username)).all()


def _notice(db: Session, claim: Claim, entry: ClaimEntry) -> ClaimNotice:
    lead = db.get_one(Lead, claim.lead_id)
    by = db.get(Person, entry.by_id) if entry.by_id else None
    return ClaimNotice(
        claim=claim,
        entry=entry,
        lead_title=lead.title,
        company_name=db.get_one(Company, lead.company_id).name,
        by_name=by.name if by else "系统",
        amount=format_amount(claim.signed(claim.amount), claim.currency)
        if claim.amount and claim.currency
        else "",
        due_on=due_on(claim, working_calendar(db)),
        is_without_decider=not deciders(db, [claim], entry.at)[claim.id],
    )
