"""Setting, changing and removing targets, by an admin."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.errors import Refused
from crm.base.money import Currency
from crm.base.value_class import value_class
from crm.leads.tiers import Tier
from crm.people.models import Person, Unit
from crm.people.rules import SYSTEM
from crm.targets.models import Target
from crm.targets.rules import OF_MONEY, Metric, TargetMeasure, currencies_of


@value_class
class TargetInput:
    """The values of a target."""

    year: int
    unit_id: int
    metric: Metric
    tier: Tier
    measure: TargetMeasure
    value: Decimal  # projects, or an amount
    currency: Currency = Currency.CNY  # of an amount

    @property
    def columns(self) -> dict[str, object]:
        """The values as columns of the table."""
        counted = self.measure is TargetMeasure.COUNT
        return {
            "year": self.year,
            "unit_id": self.unit_id,
            "metric": self.metric,
            "tier": self.tier,
            "measure": self.measure,
            "count": int(self.value) if counted else None,
            "amount": None if counted else self.value,
            "currency": None if counted else self.currency,
        }


def set_target(db: Session, *, values: TargetInput, by: Person, now: datetime) -> Target:
    """Add a target.

    Refused as `not_yours`, `no_such_unit`, `money_is_added`, `bad_goal`,
    `currency_of_target`, `known_target`.
    """
    _check(db, values, by, None)
    target = Target(**values.columns)
    db.add(target)
    record(db, "target.added", target, by=by, at=now, after=values.columns)
    return target


def change_target(
    db: Session, *, target: Target, values: TargetInput, by: Person, now: datetime
) -> Target:
    """Change a target; refused as `set_target` is."""
    _check(db, values, by, target)
    before, after = changes(target, values.columns)
    if after:
        record(db, "target.changed", target, by=by, at=now, before=before, after=after)
    return target


def remove_target(db: Session, *, target: Target, by: Person, now: datetime) -> None:
    """Delete a target; the audit trail keeps its values."""
    _require_admin(by)
    names = ("year", "unit_id", "metric", "tier", "measure", "count", "amount", "currency")
    before = {name: getattr(target, name) for name in names}
    record(db, "target.removed", target, by=by, at=now, before=before)
    db.delete(target)


def _require_admin(by: Person) -> None:
    if by.role not in SYSTEM:
        raise Refused("not_yours")


def _check(db: Session, values: TargetInput, by: Person, current: Target | None) -> None:
    _require_admin(by)
    if db.get(Unit, values.unit_id) is None:
        raise Refused("no_such_unit", field="unit_id")

    counted = values.measure is TargetMeasure.COUNT
    # money has no number of projects, only a sum
    if values.metric in OF_MONEY and counted:
        raise Refused("money_is_added", field="measure")
    if values.metric is Metric.VALID_LEADS and not counted:
        raise Refused("leads_are_counted", field="measure")
    if values.value <= 0 or (counted and values.value != int(values.value)):
        raise Refused("bad_goal", field="value")
    if not counted and values.currency not in currencies_of(values.metric):
        raise Refused("currency_of_target", field="value")

    # Checked here for a sentence at the field; the unique constraint stops two at once.
    same = select(Target.id).where(
        Target.year == values.year,
        Target.unit_id == values.unit_id,
        Target.metric == values.metric,
        Target.tier == values.tier,
        Target.measure == values.measure,
    )
    if not counted:
        same = same.where(Target.currency == values.currency)
    if set(db.scalars(same)) - ({current.id} if current else set()):
        raise Refused("known_target", field="tier")
