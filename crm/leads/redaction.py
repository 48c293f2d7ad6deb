"""What a viewer reads of leads and companies that are not theirs to see (REGIME 2)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, false, or_, select, true
from sqlalchemy.orm import Session

from crm.base.db import batches
from crm.base.value_class import value_class
from crm.leads.contact_permissions import works_with
from crm.leads.models import Company, Contact, Lead, LeadRole
from crm.leads.permissions import (
    LeadAccess,
    role_held_on,
    sees,
    values_of,
    visible,
    visible_to_role,
)
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.permissions import Viewer
from crm.people.rules import Role

HIDDEN = "内部线索"  # an internal lead, for those who may not see it: it has no code name


@value_class
class LeadLabel:
    """How a lead is called before a viewer: its title, or its code name and no way to its page."""

    id: int | None
    text: str
    company: str | None
    secrecy: Secrecy


@value_class
class NamedLead:
    """A lead with all that decides how it is called before a viewer."""

    id: int
    title: str
    code_name: str | None
    company: str
    access: LeadAccess

    def label(self, *, is_seen: bool) -> LeadLabel:
        """How it is called before somebody who sees it, or does not."""
        secrecy = self.access.secrecy
        if is_seen:
            return LeadLabel(self.id, self.title, self.company, secrecy)
        return LeadLabel(None, self.code_name or HIDDEN, None, secrecy)


def named_leads(db: Session, lead_ids: Collection[int], on: date) -> dict[int, NamedLead]:
    """The leads by id, read once for many viewers."""
    people: defaultdict[int, set[int]] = defaultdict(set)
    units: defaultdict[int, set[int]] = defaultdict(set)
    leads: dict[int, NamedLead] = {}

    for part in batches(sorted(lead_ids)):
        roles = select(LeadRole.lead_id, LeadRole.person_id, LeadRole.unit_id, LeadRole.role)
        held = roles.where(LeadRole.lead_id.in_(part), role_held_on(on))
        for lead_id, person_id, unit_id, role in db.execute(held):
            if person_id is not None:
                people[lead_id].add(person_id)
            if unit_id is not None and role is LeadRoleKind.RESPONSIBLE_UNIT:
                units[lead_id].add(unit_id)

        rows = db.execute(
            select(Lead.id, Lead.title, Lead.code_name, Lead.secrecy, Company.name.label("company"))
            .join(Lead.company)
            .where(Lead.id.in_(part))
        )
        for row in rows:
            named, in_charge = frozenset(people[row.id]), frozenset(units[row.id])
            access = LeadAccess(row.secrecy, named, in_charge)
            leads[row.id] = NamedLead(row.id, row.title, row.code_name, row.company, access)

    return leads


class LabelsFor(dict[int, LeadLabel]):
    """How each of the leads is called before the viewer, decided when it is first asked for."""

    def __init__(
        self, leads: Mapping[int, NamedLead], viewer: Viewer, own_units: Collection[int]
    ) -> None:
        super().__init__()
        self._leads, self._viewer, self._own_units = leads, viewer, own_units

    def __missing__(self, lead_id: int) -> LeadLabel:
        lead = self._leads[lead_id]
        is_seen = sees(self._viewer, self._own_units, lead.access)
        label = self[lead_id] = lead.label(is_seen=is_seen)
        return label


@cache
def labelled_leads(role: Role) -> Select[*tuple[Any, ...]]:
    """Leads with what `label_of` reads, for viewers of the role; `values_of` has their values."""
    return select(
        Lead.id,
        Lead.title,
        Lead.code_name,
        Lead.secrecy,
        Company.name.label("company"),
        visible_to_role(role).label("is_seen"),
    ).join(Lead.company)


def label_of(row: Row[*tuple[Any, ...]]) -> LeadLabel:
    """How the lead is called before the viewer."""
    if row.is_seen:
        return LeadLabel(row.id, row.title, row.company, row.secrecy)
    return LeadLabel(None, row.code_name or HIDDEN, None, row.secrecy)


def lead_labels(
    db: Session, viewer: Viewer, lead_ids: Collection[int], on: date
) -> dict[int, LeadLabel]:
    """How each lead is called before the viewer: a lead not theirs to see by its code name only."""
    if not lead_ids:
        return {}
    query = labelled_leads(viewer.role).where(Lead.id.in_(lead_ids))
    return {row.id: label_of(row) for row in db.execute(query, values_of(viewer, on))}


def companies_with_hidden_leads(viewer: Viewer, on: date) -> Select[int]:
    """Ids of companies with a lead hidden from the viewer, who reads no more than their name.

    Contacts, group and credit code may have come with the hidden lead (REGIME 2).
    """
    # a subquery of its own, also within a query on leads
    return select(Lead.company_id).where(~visible(viewer, on)).correlate(None)


def has_hidden_leads(db: Session, viewer: Viewer, company_id: int, on: date) -> bool:
    """Whether the viewer reads no more of the company than its name."""
    hidden = companies_with_hidden_leads(viewer, on).where(Lead.company_id == company_id).limit(1)
    return db.scalar(hidden) is not None


def contacts_of(db: Session, viewer: Viewer | None, lead: Lead, on: date) -> Sequence[Contact]:
    """The contacts of a visible lead's company, the lead's own first.

    Those that came with hidden leads are left out, and those of no lead where there is a hidden
    one; without a viewer there are all.
    """
    return company_before(db, viewer, lead, on).contacts


@value_class
class SeenCompany:
    """The company of a lead before a viewer."""

    contacts: list[Contact]  # the lead's own first
    plain_ids: frozenset[int]  # of those whose numbers the viewer reads without asking
    has_hidden_leads: bool


def company_before(db: Session, viewer: Viewer | None, lead: Lead, on: date) -> SeenCompany:
    """The company of a visible lead, with the contacts of `contacts_of`, in one query."""
    shown = Contact.company_id == Company.id
    hides: ColumnElement[bool] = false()
    is_plain: ColumnElement[bool] = true()

    if viewer:
        hides = Company.id.in_(companies_with_hidden_leads(viewer, on))
        seen = select(Lead.id).where(Lead.company_id == lead.company_id, visible(viewer, on))
        shown &= or_(Contact.lead_id.in_(seen), Contact.lead_id.is_(None) & ~hides)
        is_plain = works_with(viewer, on)

    query = (
        select(Contact, hides.label("hides"), is_plain.label("is_plain"))
        .select_from(Company)
        .outerjoin(Contact, shown)
    )
    rows = db.execute(query.where(Company.id == lead.company_id).order_by(Contact.id)).all()
    contacts = [row[0] for row in rows if row[0]]

    return SeenCompany(
        sorted(contacts, key=lambda contact: contact.lead_id != lead.id),
        frozenset(row[0].id for row in rows if row[0] and row.is_plain),
        has_hidden_leads=bool(rows[0].hides),
    )
