"""The rows of the pages of a change of many leads: what each is now, and what it becomes."""

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.value_class import value_class
from crm.bulk_changes.rules import ROLES, Asked, BulkKind
from crm.bulk_changes.service import Outcome
from crm.followups.queries import NextStep, next_steps
from crm.leads.catalog import industry_name
from crm.leads.lists import ListedLead
from crm.leads.rules import Stage, kind_signed
from crm.people.queries import people_by_id, unit_tree
from crm.web.errors import refusal_text

NOW: Mapping[BulkKind, str] = {BulkKind.FOLLOWUP: "现有下一步"}
THEN: Mapping[BulkKind, str] = {BulkKind.FOLLOWUP: "新增跟进"}


@value_class
class BulkRow:
    """One lead of the change."""

    id: int
    title: str
    company: str
    was: str
    becomes: str = ""
    refusal: str = ""  # why it would be refused
    is_unchanged: bool = False  # it is so already


def rows_now(db: Session, kind: BulkKind, leads: Sequence[ListedLead], on: date) -> list[BulkRow]:
    """The leads as they are."""
    steps = _steps(db, kind, leads)
    return [
        BulkRow(lead.id, lead.title, lead.company, _was(db, kind, lead, steps, on))
        for lead in leads
    ]


def rows_then(
    db: Session, asked: Asked, leads: Sequence[ListedLead], outcomes: Sequence[Outcome], on: date
) -> list[BulkRow]:
    """The leads with what would become of them, those that would be refused first."""
    steps, words = _steps(db, asked.kind, leads), _becomes(db, asked, outcomes, on)
    by_id = {outcome.lead_id: outcome for outcome in outcomes}
    rows = [
        BulkRow(
            lead.id,
            lead.title,
            lead.company,
            _was(db, asked.kind, lead, steps, on),
            words[lead.id],
            _reason(by_id[lead.id]),
            by_id[lead.id].change is None and by_id[lead.id].refusal is None,
        )
        for lead in leads
    ]
    return sorted(rows, key=lambda row: (not row.refusal, row.is_unchanged))


def _steps(db: Session, kind: BulkKind, leads: Sequence[ListedLead]) -> Mapping[int, NextStep]:
    return next_steps(db, [lead.id for lead in leads]) if kind is BulkKind.FOLLOWUP else {}


def _was(
    db: Session, kind: BulkKind, lead: ListedLead, steps: Mapping[int, NextStep], on: date
) -> str:
    match kind:
        case BulkKind.STAGE:
            return lead.stage.label
        case BulkKind.INDUSTRY:
            return industry_name(db, lead.industry)
        case BulkKind.FOLLOWUP:
            step = steps.get(lead.id)
            return f"{step.what}，{formatting.dated(step.due_on, on)}前" if step else ""
    return lead.holders.get(ROLES[kind], "")


def _becomes(db: Session, asked: Asked, outcomes: Sequence[Outcome], on: date) -> dict[int, str]:
    """By lead, what it becomes."""
    if asked.kind is BulkKind.FOLLOWUP:
        return _followups(db, asked, outcomes, on)
    match asked.kind:
        case BulkKind.TRACKER:
            text = people_by_id(db, [asked.person_id or 0])[asked.person_id or 0].name
        case BulkKind.UNIT:
            names = {node.unit.id: node.unit.name for node in unit_tree(db)}
            text = names.get(asked.unit_id or 0, "")
        case BulkKind.STAGE:
            text = _stage(asked)
        case _:
            text = industry_name(db, asked.industry)
    return {outcome.lead_id: text for outcome in outcomes}


def _stage(asked: Asked) -> str:
    if asked.agreement and kind_signed(asked.agreement) != Stage.SIGNED:
        return "登记为框架协议，阶段不变"
    return asked.stage.label if asked.stage else ""


def _followups(db: Session, asked: Asked, outcomes: Sequence[Outcome], on: date) -> dict[int, str]:
    owners = {o.lead_id: o.change.before["person_id"] for o in outcomes if o.change}
    people = people_by_id(db, set(owners.values()))
    assert asked.due_on  # noqa: S101 - of this kind
    due = f"{formatting.dated(asked.due_on, on)}前"
    words = {outcome.lead_id: asked.what for outcome in outcomes}
    return words | {
        lead_id: f"{asked.what}，{due}，{people[person_id].name}"
        for lead_id, person_id in owners.items()
    }


def _reason(outcome: Outcome) -> str:
    return refusal_text(outcome.refusal) if outcome.refusal else ""
