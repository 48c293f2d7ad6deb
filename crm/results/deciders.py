"""Who may decide on a claim: of the recognising unit, and no party to it (PROJECTS 0 and 7)."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import role_held_on
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.models import Person
from crm.people.queries import active_at, posted_as, unit_tree, units_above, units_below
from crm.people.rules import WITH_RECORDS, Role
from crm.results.models import Claim, ClaimEntry
from crm.results.settings import kind_rows
from crm.results.workflow import Step

APART = frozenset({LeadRoleKind.TRACKER, LeadRoleKind.ATTACHED_LEADER})


@dataclass(slots=True)
class _Parties:
    """Who has to do with a lead and its claims."""

    is_restricted: bool = False
    named: set[int] = field(default_factory=set)
    apart: set[int] = field(default_factory=set)  # tracker and attached leader
    units: set[int] = field(default_factory=set)


def deciders(db: Session, claims: Collection[Claim], at: datetime) -> dict[int, list[int]]:
    """By claim the ids of those who may decide on it, lowest first; the same as RECOGNISE's actors.

    On a restricted lead these are the people named on it.
    """
    if not claims:
        return {}

    tree, rows = unit_tree(db), kind_rows(db)
    supervisors = posted_as(db, {Role.SUPERVISOR}, at)
    parties = _parties(db, {claim.lead_id for claim in claims}, at)
    claimants = _claimants(db, [claim.id for claim in claims])
    open_named = _open_accounts(db, {claim.named_id for claim in claims if claim.named_id}, at)
    posted = _line_of(db, at)
    found = {}

    for claim in claims:
        row, of_lead = rows.get(claim.kind), parties[claim.lead_id]
        units = units_below(tree, {row.unit_id}) if row and row.unit_id else frozenset()
        ids = {person for unit in units for person in supervisors.get(unit, ())}
        ids |= {claim.named_id} & open_named if claim.named_id else set()
        ids -= of_lead.apart | claimants[claim.id]
        if of_lead.is_restricted:
            ids &= of_lead.named
        found[claim.id] = sorted(who for who in ids if posted[who].isdisjoint(of_lead.units))

    return found


def may_be_named(db: Session, claim: Claim, at: datetime) -> Sequence[Person]:
    """Supervisors and leaders whom an admin may name: no party, outside the responsible unit."""
    of_lead = _parties(db, {claim.lead_id}, at)[claim.lead_id]
    roles = {Role.SUPERVISOR, Role.LEADER}
    posted = {who for people in posted_as(db, roles, at).values() for who in people}
    line = _line_of(db, at)
    ids = posted - of_lead.apart - _claimants(db, [claim.id])[claim.id]
    if of_lead.is_restricted:
        ids &= of_lead.named
    ids = {who for who in ids if line[who].isdisjoint(of_lead.units)}

    query = select(Person).where(Person.id.in_(ids)).order_by(Person.pinyin, Person.id)
    return db.scalars(query).all()


def _line_of(db: Session, at: datetime) -> defaultdict[int, set[int]]:
    """By person, the units of their postings and all above these."""
    tree = unit_tree(db)
    line: defaultdict[int, set[int]] = defaultdict(set)
    for unit_id, people in posted_as(db, {Role.SUPERVISOR, Role.LEADER}, at).items():
        above = units_above(tree, unit_id)
        for person_id in people:
            line[person_id].update(above)
    return line


def _parties(db: Session, lead_ids: Collection[int], at: datetime) -> defaultdict[int, _Parties]:
    parties: defaultdict[int, _Parties] = defaultdict(_Parties)
    restricted = select(Lead.id).where(Lead.id.in_(lead_ids), Lead.secrecy == Secrecy.RESTRICTED)
    for lead_id in db.scalars(restricted):
        parties[lead_id].is_restricted = True

    held = LeadRole.lead_id.in_(lead_ids) & role_held_on(civil_date(at))
    for role in db.scalars(select(LeadRole).where(held)):
        of_lead = parties[role.lead_id]
        if role.unit_id is not None:
            of_lead.units.add(role.unit_id)
        if role.person_id is not None:
            of_lead.named.add(role.person_id)
            if role.role in APART:
                of_lead.apart.add(role.person_id)
    return parties


def _claimants(db: Session, claim_ids: Collection[int]) -> defaultdict[int, set[int]]:
    claimants: defaultdict[int, set[int]] = defaultdict(set)
    query = select(ClaimEntry).where(
        ClaimEntry.claim_id.in_(claim_ids), ClaimEntry.step.in_((Step.CLAIM, Step.CLAIM_AGAIN))
    )
    for entry in db.scalars(query):
        claimants[entry.claim_id].update(filter(None, [entry.by_id]))
    return claimants


def _open_accounts(db: Session, person_ids: Collection[int], at: datetime) -> set[int]:
    query = select(Person.id).where(
        Person.id.in_(person_ids), Person.role.in_(WITH_RECORDS), active_at(at)
    )
    return set(db.scalars(query)) if person_ids else set()
