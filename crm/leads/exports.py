"""Leads as rows of a file, as far as a viewer may see them."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from crm.base.fields import cells_of
from crm.leads.catalog import industries
from crm.leads.catalog_models import LeadSite
from crm.leads.fields import LEAD_FIELDS, OTHER_AMOUNTS
from crm.leads.models import Company, Lead, LeadRole
from crm.leads.permissions import visible_to
from crm.leads.redaction import companies_with_hidden_leads
from crm.leads.rules import AmountKind, LeadRoleKind
from crm.people.permissions import Viewer

# The roles that have a column; a task force has none.
HOLDERS = {
    LeadRoleKind.RESPONSIBLE_UNIT: "unit",
    LeadRoleKind.TRACKER: "tracker",
    LeadRoleKind.ATTACHED_LEADER: "leader",
}


def lead_rows(db: Session, viewer: Viewer | None, on: date) -> list[dict[str, object]]:
    """The leads with who holds their roles on the date; without a viewer all of them.

    Of a company with a lead that is hidden from the viewer no more than the name (REGIME 2).
    """
    query = visible_to(viewer, on) if viewer else select(Lead)
    bare = set(db.scalars(companies_with_hidden_leads(viewer, on))) if viewer else set()
    loaded = query.order_by(Lead.entered_on, Lead.ref).options(
        joinedload(Lead.company).selectinload(Company.contacts),
        joinedload(Lead.park),
        selectinload(Lead.amounts),
        selectinload(Lead.sites).joinedload(LeadSite.site),
        selectinload(Lead.roles).options(joinedload(LeadRole.person), joinedload(LeadRole.unit)),
    )

    leads = db.scalars(loaded).all()
    seen = {lead.id for lead in leads}
    names = industries(db)
    return [
        {
            **_row(lead, on, seen, has_hidden_leads=lead.company_id in bare),
            "industry_name": names.get(lead.industry or "", lead.industry),
        }
        for lead in leads
    ]


def _row(lead: Lead, on: date, seen: set[int], *, has_hidden_leads: bool) -> dict[str, object]:
    contacts = [
        contact
        for contact in lead.company.contacts
        # a contact of no lead may have come with a hidden one
        if contact.lead_id in seen or (contact.lead_id is None and not has_hidden_leads)
    ]
    # the lead's own first, then the one entered first
    contact = min(
        contacts, key=lambda contact: (contact.lead_id != lead.id, contact.id), default=None
    )

    return {
        **cells_of(LEAD_FIELDS, lead),
        "company": lead.company.name,
        "credit_code": lead.credit_code or (None if has_hidden_leads else lead.company.credit_code),
        **_amounts(lead),
        "sites": [row.site.name for row in lead.sites],
        "park": lead.park.code if lead.park else None,
        "park_name": lead.park.name if lead.park else None,
        "contact": contact.name if contact else None,
        "contact_phone": contact.phone if contact else None,
        **_holders(lead, on),
    }


def _amounts(lead: Lead) -> dict[str, object]:
    """The other amounts that hold, and the rate kept with the total."""
    others = [kind.value for kind in OTHER_AMOUNTS]
    columns = ("rate", *others, *(f"{name}_currency" for name in others))
    cells: dict[str, object] = dict.fromkeys(columns)
    for row in lead.amounts:
        if row.replaced_at:
            continue
        if row.kind is AmountKind.TOTAL:
            cells["rate"] = row.rate
        else:
            cells |= {row.kind.value: row.amount, f"{row.kind.value}_currency": row.currency}
    return cells


def _holders(lead: Lead, on: date) -> dict[str, object]:
    """Who holds the lead's roles on the date, by account or code and by name."""
    cells: dict[str, object] = {}
    assisting = [
        role.unit
        for role in lead.roles
        if role.role is LeadRoleKind.ASSISTING_UNIT and role.unit and role.holds_on(on)
    ]
    cells["assisting_units"] = [unit.code for unit in assisting]
    cells["assisting_units_name"] = [unit.name for unit in assisting]
    for role in lead.roles:
        if role.role in HOLDERS and role.from_on <= on and (role.to_on or on) >= on:
            column = HOLDERS[role.role]
            holder = role.person or role.unit
            cells[column] = role.person.username if role.person else role.unit and role.unit.code
            cells[f"{column}_name"] = holder and holder.name
    return cells
