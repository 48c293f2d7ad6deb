"""Leads as rows of a list and on their page: facts, roles and timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask import url_for

from crm.base import clock, formatting
from crm.base.money import format_amount as money
from crm.followups.models import Followup
from crm.followups.queries import NextStep
from crm.followups.timeline import Entry
from crm.leads.fields import LEAD_FIELDS, OWN_TEXTS
from crm.leads.industries import industry_name
from crm.leads.lists import ListedLead
from crm.leads.models import Contact, Lead, LeadRole, Milestone
from crm.leads.redaction import LeadLabel
from crm.leads.rules import (
    FINAL,
    ON_LINE,
    SIDE,
    LeadRoleKind,
    MilestoneKind,
    Secrecy,
    Stage,
    missing_roles,
)
from crm.visits.redaction import SeenVisit
from crm.visits.rules import Status
from crm.web.visits.rows import ICONS, Chip, chips, entered_by, title_of, when_label

_FIRST = ("company", "group_name", "credit_code", "contact", "amount", "industry", "park_id")
_LAST = ("code_name", "entered_on", "ref")
# The facts of a lead's page in their order; the note stands apart.
FACTS = (*_FIRST, *(name for name in OWN_TEXTS if name not in (*_LAST, "note")), *_LAST)


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of a role on a lead, with the dates."""

    id: int
    role: str
    name: str
    dates: str
    is_over: bool


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a lead's timeline."""

    icon: str
    title: str
    when: str
    tone: str
    url: str | None
    chips: tuple[Chip, ...]
    texts: tuple[str, ...]
    milestone: Milestone | None  # one whose date may be corrected


@dataclass(frozen=True, slots=True)
class LeadExtras:
    """What a lead's page shows beside the lead's own row."""

    contacts: Sequence[Contact]
    company: Mapping[str, str | None]  # credit code and group
    earlier: LeadLabel | None
    entries: Sequence[Entry]
    can_change: bool


@dataclass(frozen=True, slots=True)
class LeadPage:
    """A lead with what its page shows and offers."""

    id: int
    title: str
    company: str
    secrecy: Secrecy
    stage: Chip
    lacks: str | None
    facts: list[tuple[str, str]]
    note: str | None
    earlier: LeadLabel | None
    holders: list[Holder]
    past_holders: list[Holder]
    events: list[Event]
    can_change: bool


def lead_row(
    lead: ListedLead, last_contact: date | None, step: NextStep | None, on: date
) -> LeadRow:
    missing = missing_roles(lead.stage, lead.amount, lead.currency, lead.holders)

    return LeadRow(
        lead.id,
        lead.title,
        lead.company,
        lead.secrecy,
        stage_chip(lead.stage),
        step.what if step else "",
        due_chip(step.due_on, on) if step else None,
        lead.holders.get(LeadRoleKind.TRACKER, ""),
        lead.holders.get(LeadRoleKind.RESPONSIBLE_UNIT, ""),
        amount_of(lead),
        formatting.dated(last_contact, on) if last_contact else "",
        _labels(missing),
    )


def due_chip(due_on: date, on: date) -> Chip:
    """When a follow-up is due, or by how many days it is overdue."""
    days = (on - due_on).days
    if days > 0:
        return Chip(f"已逾期 {days} 天", "warn")
    return Chip(formatting.dated(due_on, on) if days else "今天到期", "neutral" if days else "info")


def lead_page(lead: Lead, extras: LeadExtras, now: datetime) -> LeadPage:
    """The lead on its page; its company, park and roles are loaded."""
    on = clock.civil_date(now)
    holders = [_holder(held, on) for held in _in_order(lead.roles)]

    return LeadPage(
        id=lead.id,
        title=lead.title,
        company=lead.company.name,
        secrecy=lead.secrecy,
        stage=stage_chip(lead.stage),
        lacks=_lacks(lead, on),
        facts=_facts(lead, extras),
        note=lead.note,
        earlier=extras.earlier,
        holders=[holder for holder in holders if not holder.is_over],
        past_holders=[holder for holder in holders if holder.is_over],
        events=[_event(entry, now) for entry in extras.entries],
        can_change=extras.can_change,
    )


def stage_chip(stage: Stage) -> Chip:
    if stage in (Stage.PARKED, Stage.LOST):
        return Chip(stage.label, "neutral")
    # from the signing on, the stages of the line are successes
    is_won = ON_LINE[MilestoneKind(stage.value)] >= ON_LINE[MilestoneKind.SIGNED]
    return Chip(stage.label, "good" if is_won else "info")


def amount_of(lead: Lead | ListedLead) -> str:
    """The formatted investment; empty where it is unknown."""
    if lead.amount is None or lead.currency is None:
        return ""
    return money(lead.amount, lead.currency)


def _lacks(lead: Lead, on: date) -> str | None:
    """The roles that a major project lacks; none where nothing is missing."""
    held = {role.role for role in lead.roles if role.holds_on(on)}
    return _labels(missing_roles(lead.stage, lead.amount, lead.currency, held))


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


def _facts(lead: Lead, extras: LeadExtras) -> list[tuple[str, str]]:
    composed = {
        "company": lead.company.name,
        "contact": "；".join(_contact(contact) for contact in extras.contacts),
        "amount": amount_of(lead) or "未定",
        "industry": industry_name(lead.industry),
        "park_id": lead.park.name if lead.park else "",
        "entered_on": f"{lead.entered_on:%Y}年{formatting.day(lead.entered_on)}",
        **extras.company,
    }
    texts = {name: getattr(lead, name) for name in FACTS if name not in composed} | composed

    return [(LEAD_FIELDS[name].label, text) for name in FACTS if (text := texts[name])]


def _contact(contact: Contact) -> str:
    return " ".join(filter(None, (contact.name, contact.position, contact.phone, contact.email)))


def _event(entry: Entry, now: datetime) -> Event:
    on = clock.civil_date(now)
    if entry.visit:
        return _visit_event(entry.visit, now)
    if entry.followup:
        return _followup_event(entry.followup, on)
    assert entry.milestone is not None  # noqa: S101 - exactly one of the three is set
    return _milestone_event(entry.milestone, on)


def _milestone_event(step: Milestone, on: date) -> Event:
    tone, title = "good", f"进入“{step.kind.label}”"
    if step.kind in FINAL:
        tone, title = "warn", step.kind.label
    elif step.kind in SIDE:
        tone, title = "info", step.kind.label
    elif step.kind is MilestoneKind.LEAD:
        tone, title = "neutral", "录入线索"
    texts = (step.reason,) if step.reason else ()
    return Event("flag", title, formatting.dated(step.reached_on, on), tone, None, (), texts, step)


def _visit_event(visit: SeenVisit, now: datetime) -> Event:
    people = "、".join(person.name for person in (visit.leader, *visit.participants))
    met = " ".join(part for part in (visit.met, visit.position) if part)
    texts = (
        people,
        entered_by(visit),
        f"会见：{met}" if met else "",
        visit.minutes or "",
        f"下一步：{visit.next_step}" if visit.next_step else "",
    )

    return Event(
        ICONS[visit.kind],
        title_of(visit),
        when_label(visit, clock.civil_date(now)),
        "info" if visit.status is Status.DONE else "neutral",
        url_for("visits.show", visit_id=visit.id),
        chips(visit, now),
        tuple(text for text in texts if text),
        None,
    )


def _followup_event(step: Followup, on: date) -> Event:
    url = url_for("followups.show", followup_id=step.id)
    if step.done_at:
        done = formatting.dated(clock.civil_date(step.done_at), on)
        texts = (step.person.name, *((step.result,) if step.result else ()))
        return Event("checklist", step.what, done, "neutral", url, (), texts, None)
    late = (Chip("已逾期", "warn"),) if step.due_on < on else (Chip("待办", "info"),)
    due = f"{formatting.dated(step.due_on, on)}前"
    return Event("checklist", step.what, due, "neutral", url, late, (step.person.name,), None)
