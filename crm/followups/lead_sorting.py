"""The columns of the list of leads, and what each sorts by (PROJECTS 2)."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Self

from sqlalchemy import ColumnElement, Float, case, cast, func, select

from crm.base.enums import LabeledEnum
from crm.base.money import Currency
from crm.base.sorted_paging import Order
from crm.base.value_class import value_class
from crm.followups.models import Followup
from crm.leads.amount_models import ExchangeRate
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import role_held_on
from crm.leads.rules import LeadRoleKind, Stage
from crm.leads.spelled import MOST, Spelled
from crm.people.models import Person, Unit


class LeadColumn(LabeledEnum):
    """A column of the list of leads."""

    TITLE = "title", "项目"
    STAGE = "stage", "阶段"
    STEP = "step", "下一步"
    DUE = "due", "期限"
    TRACKER = "tracker", "跟踪责任人"
    UNIT = "unit", "责任单位"
    AMOUNT = "amount", "总投资"
    LAST_CONTACT = "contact", "最近联系"


# Of these one looks for the largest or latest first.
LARGEST_FIRST = frozenset({LeadColumn.AMOUNT, LeadColumn.LAST_CONTACT})
DOWN = "-"  # before the column's code in an address


@value_class
class LeadSort:
    """A column and the direction in which the list is sorted by it."""

    column: LeadColumn
    is_descending: bool

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The sort that an address asks for: `due`, `-amount`; none for anything else."""
        try:
            return cls(LeadColumn(text.removeprefix(DOWN)), text.startswith(DOWN))
        except ValueError:
            return None

    @classmethod
    def first_of(cls, column: LeadColumn) -> Self:
        """What one click on the head of the column asks for."""
        return cls(column, column in LARGEST_FIRST)

    @property
    def code(self) -> str:
        return f"{DOWN if self.is_descending else ''}{self.column.value}"

    @property
    def label(self) -> str:
        return f"{self.column.label}{'降序' if self.is_descending else '升序'}"

    @property
    def reversed(self) -> "LeadSort":
        return LeadSort(self.column, not self.is_descending)

    def order(self, on: date) -> Order:
        """The order of the leads as of the date."""
        return Order(_KEYS[self.column](on), self.is_descending)


def _stage(_on: date) -> ColumnElement[int]:
    places = {stage.value: place for place, stage in enumerate(Stage)}
    return case(places, value=Lead.stage)


def _first_step(what: Any) -> ColumnElement[Any]:
    of_lead = select(what).where(Followup.lead_id == Lead.id, Followup.done_at.is_(None))
    first = of_lead.order_by(Followup.due_on, Followup.id).limit(1)
    return first.correlate(Lead).scalar_subquery()


def _holder(role: LeadRoleKind, name: Any, on: date) -> ColumnElement[str]:
    held = select(func.min(name)).select_from(LeadRole)
    held = held.join(LeadRole.person if role is LeadRoleKind.TRACKER else LeadRole.unit)
    of_lead = held.where(LeadRole.lead_id == Lead.id, LeadRole.role == role, role_held_on(on))
    return of_lead.correlate(Lead).scalar_subquery()


def _amount(on: date) -> ColumnElement[float]:
    """In cents of yuan by the latest rate: for the order alone, no figure rests on it."""
    rate = (
        select(cast(ExchangeRate.rate, Float) / 10**8)
        .where(ExchangeRate.currency == Lead.currency, ExchangeRate.on <= on)
        .order_by(ExchangeRate.on.desc())
        .limit(1)
        .correlate(Lead)
        .scalar_subquery()
    )
    amount = cast(Lead.amount, Float)
    return case((Lead.currency == Currency.CNY, amount), else_=amount * rate)


_KEYS: Mapping[LeadColumn, Callable[[date], ColumnElement[Any]]] = {
    LeadColumn.TITLE: lambda _on: Spelled(Lead.search),
    LeadColumn.STAGE: _stage,
    LeadColumn.STEP: lambda _on: _first_step(func.substr(Followup.what, 1, MOST)),
    LeadColumn.DUE: lambda _on: _first_step(Followup.due_on),
    LeadColumn.TRACKER: lambda on: _holder(LeadRoleKind.TRACKER, Person.pinyin, on),
    LeadColumn.UNIT: lambda on: _holder(LeadRoleKind.RESPONSIBLE_UNIT, Unit.name, on),
    LeadColumn.AMOUNT: _amount,
    LeadColumn.LAST_CONTACT: lambda _on: Lead.last_contact_on.expression,
}
