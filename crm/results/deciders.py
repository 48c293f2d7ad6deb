"""Who may decide on a claim: of the recognising unit, and no party to it (PROJECTS 0 and 7)."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.leads.parties import lead_parties, lines_of_command, nameable
from crm.people.models import Person
from crm.people.queries import active_at, posted_as, unit_tree, units_below
from crm.people.rules import WITH_RECORDS, Role
from crm.results.models import Claim, ClaimEntry
from crm.results.settings import kind_rows
from crm.results.workflow import Step


def deciders(db: Session, claims: Collection[Claim], at: datetime) -> dict[int, list[int]]:
    """By claim the ids of those who may decide on it, lowest first; the same as RECOGNISE's actors.

    On a restricted lead these are the people named on it.
    """
    if not claims:
        return {}

    tree, rows = unit_tree(db), kind_rows(db)
    supervisors = posted_as(db, {Role.SUPERVISOR}, at)
    parties = lead_parties(db, {claim.lead_id for claim in claims}, at)
    claimants = _claimants(db, [claim.id for claim in claims])
    open_named = _open_accounts(db, {claim.named_id for claim in claims if claim.named_id}, at)
    posted = lines_of_command(db, at)
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
    of_lead = lead_parties(db, {claim.lead_id}, at)[claim.lead_id]
    return nameable(db, [of_lead], but=_claimants(db, [claim.id])[claim.id], at=at)


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
