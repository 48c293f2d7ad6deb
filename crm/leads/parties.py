"""Parties to a lead, and whom an admin may name where nobody is left to act (PROJECTS 0)."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import role_held_on
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.models import Person
from crm.people.queries import posted_as, unit_tree, units_above
from crm.people.rules import Role

APART = frozenset({LeadRoleKind.TRACKER, LeadRoleKind.ATTACHED_LEADER})


@dataclass(slots=True)
class LeadParties:
    """Who has to do with a lead."""

    is_restricted: bool = False
    named: set[int] = field(default_factory=set)
    apart: set[int] = field(default_factory=set)  # tracker and attached leader
    units: set[int] = field(default_factory=set)


def lead_parties(
    db: Session, lead_ids: Collection[int], at: datetime
) -> defaultdict[int, LeadParties]:
    """By lead, its parties."""
    parties: defaultdict[int, LeadParties] = defaultdict(LeadParties)
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


def lines_of_command(db: Session, at: datetime) -> defaultdict[int, set[int]]:
    """By supervisor or leader, the units of their postings and all above these."""
    tree = unit_tree(db)
    lines: defaultdict[int, set[int]] = defaultdict(set)
    for unit_id, people in posted_as(db, {Role.SUPERVISOR, Role.LEADER}, at).items():
        above = units_above(tree, unit_id)
        for person_id in people:
            lines[person_id].update(above)
    return lines


def nameable(
    db: Session,
    leads: Collection[LeadParties],
    *,
    but: AbstractSet[int],
    units: AbstractSet[int] = frozenset(),
    at: datetime,
) -> Sequence[Person]:
    """Supervisors and leaders who are no party to the leads nor one of `but`, by name.

    They are outside the responsible units and `units`; on a restricted lead they are named on it.
    """
    lines = lines_of_command(db, at)
    ids = lines.keys() - but
    concerned = set(units).union(*(of_lead.units for of_lead in leads))

    for of_lead in leads:
        ids -= of_lead.apart
        if of_lead.is_restricted:
            ids &= of_lead.named
    ids = {person_id for person_id in ids if lines[person_id].isdisjoint(concerned)}

    query = select(Person).where(Person.id.in_(ids)).order_by(Person.pinyin, Person.id)
    return db.scalars(query).all()
