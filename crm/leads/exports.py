"""Leads as rows of a file, as far as a viewer may see them; `imports` reads them again."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, selectinload

from crm.base.db import batches
from crm.base.fields import cells_of
from crm.base.masking import masked_phone
from crm.leads.catalog import industries
from crm.leads.catalog_models import LeadSite
from crm.leads.contact_permissions import plain_ids
from crm.leads.fields import LEAD_FIELDS, OTHER_AMOUNTS, STAGE_DATES
from crm.leads.milestone_kinds import STAGE_CODES, milestone_kinds
from crm.leads.models import Company, Contact, Lead, LeadRole, Milestone, MilestonePlan
from crm.leads.own_values import own_cells, values_of_leads
from crm.leads.permissions import may_see, visible_to
from crm.leads.progress import progress_of
from crm.leads.redaction import companies_with_hidden_leads
from crm.leads.rules import FRAMEWORK, AmountKind, LeadRoleKind, Stage
from crm.people.permissions import Viewer

Cells = dict[str, object]
HOLDERS = {
    LeadRoleKind.RESPONSIBLE_UNIT: "unit",
    LeadRoleKind.TRACKER: "tracker",
    LeadRoleKind.ATTACHED_LEADER: "leader",
    LeadRoleKind.TASK_FORCE_HEAD: "task_force_head",
}
# The roles that several may hold, with the columns of codes and of names.
SEVERAL = {
    LeadRoleKind.ASSISTING_UNIT: ("assisting_units", "assisting_units_name"),
    LeadRoleKind.TASK_FORCE_MEMBER: ("task_force", "task_force_names"),
}


def lead_rows(db: Session, viewer: Viewer | None, on: date) -> list[Cells]:
    """The leads with who holds their roles on the date; without a viewer all of them.

    Of a company with a lead that is hidden from the viewer no more than the name (REGIME 2).
    """
    query = visible_to(viewer, on) if viewer else select(Lead)
    ordered = query.order_by(Lead.entered_on, Lead.ref)
    return [cells for _, cells in _rows(db, ordered, viewer, on)]


def rows_of_leads(
    db: Session, viewer: Viewer | None, on: date, lead_ids: Collection[int]
) -> dict[int, Cells]:
    """By id, the rows of those of the leads that the viewer may see."""
    query = visible_to(viewer, on) if viewer else select(Lead)
    return {
        lead_id: cells
        for part in batches(sorted(lead_ids))
        for lead_id, cells in _rows(db, query.where(Lead.id.in_(part)), viewer, on)
    }


def _rows(
    db: Session, query: Select[Lead], viewer: Viewer | None, on: date
) -> list[tuple[int, Cells]]:
    bare = set(db.scalars(companies_with_hidden_leads(viewer, on))) if viewer else set()
    loaded = query.options(
        joinedload(Lead.company).selectinload(Company.contacts),
        joinedload(Lead.park),
        selectinload(Lead.amounts),
        selectinload(Lead.milestones),
        selectinload(Lead.sites).joinedload(LeadSite.site),
        selectinload(Lead.roles).options(joinedload(LeadRole.person), joinedload(LeadRole.unit)),
    )

    leads = db.scalars(loaded).all()
    seen = {lead.id for lead in leads}
    names, kinds = industries(db), milestone_kinds(db).names
    contacts = {
        lead.id: _contact(lead, seen, has_hidden_leads=lead.company_id in bare) for lead in leads
    }
    plain = plain_ids(db, [row.id for row in contacts.values() if row], viewer, on)
    earlier = _earlier_refs(db, leads, viewer, on)
    own = values_of_leads(db, sorted(seen))
    plans = _planned(db, sorted(seen))

    return [
        (
            lead.id,
            {
                **_row(lead, on, has_hidden_leads=lead.company_id in bare),
                **_contact_cells(contacts[lead.id], plain),
                **_milestones(lead.milestones, kinds),
                **_stop(lead),
                "plans": [f"{kinds[kind]} {on}" for kind, on in plans[lead.id].items()],
                "industry_name": names.get(lead.industry or "", lead.industry),
                "earlier": earlier.get(lead.earlier_lead_id or 0),
                **own_cells(db, own.get(lead.id, {})),
            },
        )
        for lead in leads
    ]


def _planned(db: Session, lead_ids: Sequence[int]) -> defaultdict[int, dict[str, date]]:
    """By lead and kind of milestone, the date that is planned now."""
    plans: defaultdict[int, dict[str, date]] = defaultdict(dict)
    columns = (MilestonePlan.lead_id, MilestonePlan.kind, MilestonePlan.planned_on)
    for part in batches(lead_ids):
        # the last one entered holds
        found = select(*columns).where(MilestonePlan.lead_id.in_(part)).order_by(MilestonePlan.id)
        for lead_id, kind, planned_on in db.execute(found):
            plans[lead_id][kind] = planned_on
    return plans


def _earlier_refs(
    db: Session, leads: Iterable[Lead], viewer: Viewer | None, on: date
) -> dict[int, str]:
    """The references of earlier projects, of those alone that the viewer may see."""
    wanted = sorted({lead.earlier_lead_id for lead in leads if lead.earlier_lead_id})
    found: dict[int, str] = {}
    for part in batches(wanted):
        found |= dict(db.execute(select(Lead.id, Lead.ref).where(Lead.id.in_(part))).all())
    return {
        lead_id: ref
        for lead_id, ref in found.items()
        if viewer is None or may_see(db, viewer, lead_id, on)
    }


def _contact(lead: Lead, seen: set[int], *, has_hidden_leads: bool) -> Contact | None:
    """The lead's own contact first, then the one entered first."""
    contacts = [
        contact
        for contact in lead.company.contacts
        # a contact of no lead may have come with a hidden one
        if contact.lead_id in seen or (contact.lead_id is None and not has_hidden_leads)
    ]
    return min(contacts, key=lambda contact: (contact.lead_id != lead.id, contact.id), default=None)


def _contact_cells(contact: Contact | None, plain: AbstractSet[int]) -> Cells:
    """The contact, the number as the lead's page shows it (PIPL)."""
    phone = contact.phone if contact else None
    is_plain = contact is not None and contact.id in plain
    return {
        "contact": contact.name if contact else None,
        "contact_phone": phone if is_plain or not phone else masked_phone(phone),
        "contact_position": contact.position if contact else None,
    }


def _row(lead: Lead, on: date, *, has_hidden_leads: bool) -> Cells:
    company = None if has_hidden_leads else lead.company

    return {
        **cells_of(LEAD_FIELDS, lead),
        "company": lead.company.name,
        "credit_code": lead.credit_code or (company and company.credit_code),
        "group": lead.group_name or (company and company.group_name),
        **_amounts(lead),
        "sites": [row.site.name for row in lead.sites],
        "park": lead.park.code if lead.park else None,
        "park_name": lead.park.name if lead.park else None,
        **_holders(lead, on),
    }


def _amounts(lead: Lead) -> Cells:
    """The other amounts that hold, when the latest was stated, and the rate of the total."""
    others = [kind.value for kind in OTHER_AMOUNTS]
    columns = ("rate", *others, *(f"{name}_currency" for name in others))
    cells: Cells = dict.fromkeys(columns)
    held = [row for row in lead.amounts if not row.replaced_at]
    cells["stated_on"] = max((row.stated_on for row in held), default=None)
    for row in held:
        if row.kind is AmountKind.TOTAL:
            cells["rate"] = row.rate
        else:
            cells |= {row.kind.value: row.amount, f"{row.kind.value}_currency": row.currency}
    return cells


def _milestones(steps: Iterable[Milestone], kinds: Mapping[str, str]) -> Cells:
    """The date of each stage, the side milestones, and what was signed."""
    dates = {step.kind: step.reached_on for step in steps}  # the latest of a stage reached twice
    signed = {step.kind: step.agreement for step in steps if step.agreement}
    return {
        **{code: dates.get(stage) for code, stage in STAGE_DATES.items()},
        "side_milestones": [
            f"{kinds[kind]} {on}" for kind, on in dates.items() if kind not in STAGE_CODES
        ],
        "agreement": signed.get(Stage.SIGNED) if Stage.SIGNED in dates else signed.get(FRAMEWORK),
    }


def _stop(lead: Lead) -> Cells:
    """When and why the lead was parked or lost, where that is what holds."""
    stop = progress_of(lead).stop
    steps = [step for step in lead.milestones if stop and step.id == stop.order]
    step = next(iter(steps), None)
    return {
        "stopped_on": step and step.reached_on,
        "stop_reason": step and step.reason,
        "look_again_on": step and step.look_again_on,
    }


def _holders(lead: Lead, on: date) -> Cells:
    """Who holds the lead's roles on the date, by account or code and by name."""
    cells: Cells = {}
    held = [role for role in lead.roles if role.holds_on(on)]

    for kind, (codes, names) in SEVERAL.items():
        holders = [role.person or role.unit for role in held if role.role is kind]
        cells[codes] = [_code(role) for role in held if role.role is kind]
        cells[names] = [holder.name for holder in holders if holder]
    for name in HOLDERS.values():
        cells |= {name: None, f"{name}_name": None}
    for role in held:
        if role.role in HOLDERS:
            column, holder = HOLDERS[role.role], role.person or role.unit
            cells |= {column: _code(role), f"{column}_name": holder and holder.name}
    return cells


def _code(role: LeadRole) -> str | None:
    if role.person:
        return role.person.username
    return role.unit.code if role.unit else None
