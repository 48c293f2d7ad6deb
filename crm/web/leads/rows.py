"""Leads as rows of a list, and the facts and roles of their page."""

from collections.abc import Mapping, Sequence
from datetime import date

from crm.base import formatting
from crm.base.money import format_amount as money
from crm.base.money import in_yuan
from crm.base.value_class import value_class
from crm.followups.queries import NextStep
from crm.leads.amounts import FIELD_OF, AmountRow
from crm.leads.fields import LEAD_FIELDS, OWN_TEXTS
from crm.leads.lists import ListedLead
from crm.leads.models import Lead, LeadRole
from crm.leads.redaction import LeadLabel
from crm.leads.rules import (
    ON_LINE,
    LeadRoleKind,
    Secrecy,
    Stage,
    missing_roles,
)
from crm.leads.tiers import Tier
from crm.web.contacts.rows import ContactLine
from crm.web.visits.rows import Chip

LOOK_AGAIN = "到期再看"  # the next step of a parked lead that has no other
_AMOUNTS = tuple(FIELD_OF.values())
_OF_PROJECT = ("project_company", "project_company_code")
_FIRST = (
    *("company", "group_name", "credit_code", "contact", *_OF_PROJECT),
    *(*_AMOUNTS, "industry", "park_id"),
)
_LAST = ("code_name", "entered_on", "ref")
# The facts of a lead's page in their order; the note stands apart.
FACTS = (*_FIRST, *(name for name in OWN_TEXTS if name not in (*_FIRST, *_LAST, "note")), *_LAST)
# What a lead should have in time; the rest is asked for by nobody.
_ASKED_FOR = ("contact", "amount", "industry", "park_id", "source")


@value_class
class LeadRow:
    """One lead in a list."""

    id: int
    title: str
    company: str
    secrecy: Secrecy
    stage: Chip
    next_step: str
    due: Chip | None  # of the next step
    tracker: str
    unit: str
    amount: str
    last_contact: str
    lacks: str | None  # what a major project is without


@value_class
class Holder:
    """The holder of a role on a lead, with the dates."""

    id: int
    role: str
    name: str
    dates: str
    is_over: bool


@value_class
class LeadExtras:
    """What a lead's page shows beside the lead's own row."""

    contacts: Sequence[ContactLine]
    company: Mapping[str, str | None]  # credit code and group
    earlier: LeadLabel | None
    industry: str
    amounts: Sequence[AmountRow]
    size: Tier
    own: Sequence[tuple[str, str]]  # names and values of the zone's own fields
    can_change: bool


@value_class
class LeadPage:
    """A lead with what its page shows and offers."""

    id: int
    title: str
    company: str
    company_id: int
    secrecy: Secrecy
    lacks: str | None
    facts: list[tuple[str, str]]
    unfilled: str  # the names of what is not filled in
    note: str | None
    earlier: LeadLabel | None
    holders: list[Holder]
    past_holders: list[Holder]
    can_change: bool


def lead_row(
    lead: ListedLead,
    step: NextStep | None,
    on: date,
    look_again_on: date | None = None,
) -> LeadRow:
    """A row of a list; `look_again_on` is the next step of a parked lead that has none."""
    missing = missing_roles(lead.stage, lead.size, lead.holders)
    due_on = step.due_on if step else look_again_on

    return LeadRow(
        lead.id,
        lead.title,
        lead.company,
        lead.secrecy,
        stage_chip(lead.stage),
        step.what if step else LOOK_AGAIN if look_again_on else "",
        due_chip(due_on, on) if due_on else None,
        lead.holders.get(LeadRoleKind.TRACKER, ""),
        lead.holders.get(LeadRoleKind.RESPONSIBLE_UNIT, ""),
        amount_of(lead),
        formatting.dated(lead.last_contact_on, on) if lead.last_contact_on else "",
        _labels(missing),
    )


def due_chip(due_on: date, on: date) -> Chip:
    """When a follow-up is due, or by how many days it is overdue."""
    days = (on - due_on).days
    if days > 0:
        return Chip(f"已逾期 {days} 天", "warn")
    return Chip(formatting.dated(due_on, on) if days else "今天到期", "neutral" if days else "info")


def lead_page(lead: Lead, extras: LeadExtras, on: date) -> LeadPage:
    """The lead on its page; its company, park and roles are loaded."""
    holders = [_holder(held, on) for held in _in_order(lead.roles)]
    facts = _facts(lead, extras)

    return LeadPage(
        id=lead.id,
        title=lead.title,
        company=lead.company.name,
        company_id=lead.company_id,
        secrecy=lead.secrecy,
        lacks=_lacks(lead, extras.size, on),
        facts=[(LEAD_FIELDS[name].label, text) for name, text in facts.items() if text]
        + [*extras.own],
        unfilled="、".join(LEAD_FIELDS[name].label for name in _ASKED_FOR if not facts[name]),
        note=lead.note,
        earlier=extras.earlier,
        holders=[holder for holder in holders if not holder.is_over],
        past_holders=[holder for holder in holders if holder.is_over],
        can_change=extras.can_change,
    )


def stage_chip(stage: Stage) -> Chip:
    if stage in (Stage.PARKED, Stage.LOST):
        return Chip(stage.label, "neutral")
    # from the signing on, the stages of the line are successes
    is_won = ON_LINE[stage] >= ON_LINE[Stage.SIGNED]
    return Chip(stage.label, "good" if is_won else "info")


def amount_of(lead: ListedLead) -> str:
    """The formatted investment; empty where it is unknown."""
    if lead.amount is None or lead.currency is None:
        return ""
    return money(lead.amount, lead.currency)


def _lacks(lead: Lead, size: Tier, on: date) -> str | None:
    """The roles that a major project lacks; none where nothing is missing."""
    held = {role.role for role in lead.roles if role.holds_on(on)}
    return _labels(missing_roles(lead.stage, size, held))


def _labels(roles: Sequence[LeadRoleKind]) -> str | None:
    return "、".join(role.label for role in roles) or None


def _name(held: LeadRole) -> str:
    holder = held.person or held.unit
    return holder.name if holder else ""


def _in_order(roles: Sequence[LeadRole]) -> list[LeadRole]:
    order = list(LeadRoleKind)
    return sorted(roles, key=lambda held: (order.index(held.role), held.from_on))


def _holder(held: LeadRole, on: date) -> Holder:
    dates = f"{formatting.dated(held.from_on, on)}起"
    if held.to_on:
        dates = f"{formatting.dated(held.from_on, on)}至{formatting.dated(held.to_on, on)}"
    is_over = held.to_on is not None and held.to_on < on
    return Holder(held.id, held.role.label, _name(held), dates, is_over)


def _facts(lead: Lead, extras: LeadExtras) -> dict[str, str | None]:
    composed = {
        "company": lead.company.name,
        "contact": "；".join(_contact(contact) for contact in extras.contacts),
        **dict.fromkeys(_AMOUNTS),
        **{FIELD_OF[row.kind]: _amount(row) for row in extras.amounts if row.replaced_at is None},
        "industry": extras.industry,
        "park_id": lead.park.name if lead.park else "",
        "entered_on": f"{lead.entered_on:%Y}年{formatting.day(lead.entered_on)}",
        **extras.company,
    }
    return {name: composed[name] if name in composed else getattr(lead, name) for name in FACTS}


def _amount(row: AmountRow) -> str:
    """The amount; a foreign one of a signed lead also in yuan, by the rate kept with it."""
    text = money(row.amount, row.currency)
    if row.rate is None:
        return text
    return f"{text}（按签约日汇率 {row.rate:f} 折合 {money(in_yuan(row.amount, row.rate))}）"


def _contact(contact: ContactLine) -> str:
    return " ".join(filter(None, (contact.name, contact.position, contact.phone, contact.email)))
