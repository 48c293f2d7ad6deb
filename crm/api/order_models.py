"""Supervision orders as the API tells of them (REGIME 5)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from crm.api.call import Call
from crm.api.lead_models import UnitCode, unit_id
from crm.api.models import (
    Asked,
    FilledLine,
    LeadNamed,
    Line,
    PersonShown,
    Prose,
    RowId,
    Shown,
    Username,
)
from crm.base.errors import Refused
from crm.leads.queries import refs_by_id
from crm.leads.redaction import lead_labels
from crm.supervision.drafting import OrderData
from crm.supervision.models import Order, OrderEntry
from crm.supervision.permissions import steps_of
from crm.supervision.rules import About, EntryKind, OrderKind, OrderState, Origin, days_overdue
from crm.supervision.workflow import Step

# the clock drafts the others
ByHand = Literal["meeting", "instruction", "problem"]


class NewOrder(Asked):
    """A draft by hand; its officer issues it."""

    NAMES: ClassVar = {
        "unit_id": "unit",
        "unit_ids": "units",
        "person_id": "person",
        "officer_id": "officer",
        "lead_id": "lead",
    }

    ref: Line = Field("", description="编号；同一人以同一编号再次提交，只起草一份")
    kind: OrderKind = Field(OrderKind.NORMAL, description="时限类别")
    origin: ByHand = Field(description="来源")
    about: About = Field(description="督办对象")
    matter: Annotated[FilledLine, Field(max_length=200)] = Field(description="督办事项")
    demand: Annotated[Prose, Field(min_length=1, max_length=2000)] = Field(description="要求")
    unit: UnitCode = Field(description="牵头单位的编号")
    units: list[UnitCode] = Field([], max_length=50, description="配合单位的编号")
    person: Username | None = Field(None, description="责任人的账号；留空由牵头单位明确")
    officer: Username | None = Field(None, description="经办人的账号；留空为本人")
    lead: RowId | None = Field(None, description="线索的 id")
    rule: Line | None = Field(None, description="由哪项任务的未完成而来；须写明责任人和期间")
    period: Line | None = Field(None, description="任务的期间，例如 2026-06")

    def data(self, call: Call) -> OrderData:
        """The draft as services take it."""
        if self.rule and not self.person:
            raise Refused("required", field="person")
        units = {code: unit_id(call, code, "units") for code in self.units}
        return OrderData(
            kind=self.kind,
            origin=Origin(self.origin),
            about=self.about,
            matter=self.matter,
            demand=self.demand,
            unit_id=unit_id(call, self.unit, "unit") or 0,
            unit_ids=[found for found in units.values() if found],
            person_id=call.person_id(self.person, "person") if self.person else None,
            officer_id=call.person_id(self.officer, "officer") if self.officer else None,
            lead_id=self.lead,
            rule_code=self.rule,
            period=self.period,
            ref=self.ref,
        )


class OrderListed(Shown):
    id: int
    number: str | None = Field(description="编号；未下达的为空")
    state: OrderState
    kind: OrderKind = Field(description="时限类别")
    origin: Origin = Field(description="来源")
    about: About
    matter: str = Field(description="督办事项")
    demand: str = Field(description="要求")
    unit: str = Field(description="牵头单位的编号")
    units: list[str] = Field(description="配合单位的编号")
    person: PersonShown | None = Field(description="责任人")
    officer: PersonShown | None = Field(description="经办人")
    drafted_at: datetime
    issued_at: datetime | None
    first_due_on: date | None = Field(description="下达时的期限")
    due_on: date | None
    asked_due_on: date | None = Field(description="申请延期至")
    days_overdue: int
    answered_at: datetime | None
    accepted_at: datetime | None
    basis: str | None = Field(description="销号依据")


class OrderEntryShown(Shown):
    kind: EntryKind
    text: str | None
    new_due_on: date | None
    at: datetime
    by: PersonShown | None = Field(description="系统登记的为空")


class OrderShown(OrderListed):
    lead: LeadNamed | None
    entries: list[OrderEntryShown] = Field(description="办理过程，按时间先后")
    steps: list[Step] = Field(description="本人目前可以办理的步骤")


SAME = (
    *("id", "state", "kind", "origin", "about", "matter", "demand", "drafted_at", "issued_at"),
    *("first_due_on", "due_on", "asked_due_on", "answered_at", "accepted_at", "basis"),
)


def show_orders(call: Call, orders: Sequence[Order]) -> list[OrderListed]:
    """The orders of the register; their parties are loaded."""
    return [OrderListed(**_columns(call, order)) for order in orders]


def show_order(call: Call, order: Order) -> OrderShown:
    """One order with all that its page shows."""
    steps = steps_of(call.db, call.viewer, order, call.on)
    return OrderShown(
        **_columns(call, order),
        lead=_lead(call, order.lead_id),
        entries=[_entry(entry) for entry in order.entries],
        steps=[step for step in Step if step in steps],
    )


def _columns(call: Call, order: Order) -> dict[str, object]:
    return {name: getattr(order, name) for name in SAME} | {
        "number": order.number_text,
        "unit": order.unit.code,
        "units": [unit.code for unit in order.units],
        "person": PersonShown.or_none(order.person),
        "officer": PersonShown.or_none(order.officer),
        "days_overdue": days_overdue(order.state, order.due_on, call.on),
    }


def _entry(entry: OrderEntry) -> OrderEntryShown:
    same = ("kind", "text", "new_due_on", "at")
    return OrderEntryShown(
        **{name: getattr(entry, name) for name in same}, by=PersonShown.or_none(entry.by)
    )


def _lead(call: Call, lead_id: int | None) -> LeadNamed | None:
    if lead_id is None:
        return None
    label = lead_labels(call.db, call.viewer, [lead_id], call.on)[lead_id]
    return LeadNamed.of(label, refs_by_id(call.db, {lead_id}))
