"""Target rows for the templates, and the labels of targets."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import groupby

from crm.base.money import Currency, format_amount
from crm.base.value_class import value_class
from crm.leads.tiers import Tier, TierLines
from crm.targets.in_hand import InHand
from crm.targets.rules import (
    OF_MONEY,
    Goal,
    Metric,
    TargetMeasure,
    TargetProgress,
)
from crm.targets.wording import amounts_text, shares


@value_class
class TargetRow:
    id: int | None  # none: no target is set
    title: str
    goal: str
    registered: str
    waiting: str
    achieved: str  # recognised
    foreign: str  # amounts in other currencies: never converted, so not in `achieved`
    percent: Decimal | None
    pace: Decimal
    pace_label: str
    is_behind: bool
    in_hand: tuple[str, str] | None  # a number and an investment; none: of no signings


@value_class
class UnitTargets:
    name: str
    rows: tuple[TargetRow, ...]
    shares: tuple[str, ...]  # 履约率 and 资金到位率 with their bases

    @property
    def lacks_goals(self) -> bool:
        """Whether something stands without a number that an admin may set (PROJECTS 11)."""
        return any(row.id is None for row in self.rows)


def targets_by_unit(progress: Iterable[TargetProgress]) -> list[UnitTargets]:
    """Group targets by unit; those of a unit must follow each other."""
    units = []
    for name, group in groupby(progress, key=lambda target: target.unit_name):
        targets = [*group]
        rows = tuple(map(target_row, targets))
        texts = tuple(share.text for share in shares(targets[0]))
        units.append(UnitTargets(name, rows, texts))
    return units


def target_row(progress: TargetProgress) -> TargetRow:
    goal = progress.goal

    return TargetRow(
        id=goal.id,
        title=target_title(goal),
        goal="" if goal.value is None else target_value(goal.value, goal),
        registered=_value(progress.registered, goal),
        waiting=_value(progress.waiting or None, goal),
        achieved=_value(progress.achieved, goal),
        foreign="、".join(format_amount(amount, currency) for amount, currency in progress.beside),
        percent=progress.percent,
        pace=progress.pace,
        pace_label=pace_label(progress.points),
        is_behind=progress.points is not None and progress.points < 0,
        in_hand=_in_hand(progress.in_hand),
    )


def _in_hand(part: InHand | None) -> tuple[str, str] | None:
    return (f"{part.count} 个", amounts_text(part.amounts)) if part else None


def _value(value: Decimal | None, goal: Goal) -> str:
    return "" if value is None else target_value(value, goal)


def target_title(goal: Goal) -> str:
    """The name of what a target counts: `签约10亿元以上项目数`."""
    metric, tier = goal.metric, goal.tier
    size = "" if tier is Tier.ANY else tier.label
    if metric is Metric.VALID_LEADS:
        return f"{size}{metric.label}数"
    if metric in OF_MONEY:
        return f"{size}项目{metric.label}" if size else metric.label
    if goal.measure is TargetMeasure.COUNT:
        return f"{metric.label}{size}项目数"
    return f"{metric.label}{size}项目总投资{goal.currency_note}"


def currency_sentence(goal: Goal) -> str:
    """Which projects an amount adds up; empty where every currency counts."""
    if goal.measure is TargetMeasure.COUNT or goal.metric in OF_MONEY:
        return ""
    if goal.is_usual:
        return "只合计以人民币计的项目；外币项目不折算，另列。"
    return f"只计以{goal.currency.label}计的项目；其他币种的项目不折算，不计入本目标。"


def target_value(value: Decimal, goal: Goal) -> str:
    """A number of projects or an amount, with its unit: `20 个`, `600亿元`."""
    if goal.measure is TargetMeasure.COUNT:
        return f"{value:f} 个"
    return format_amount(value, goal.currency)


def foreign_lines(lines: TierLines, on: date) -> str:
    """The lines of foreign currencies on the date: `3,000万美元（5亿元档）`."""
    return "、".join(
        f"{format_amount(line, currency)}（{tier.label.replace('以上', '档')}）"
        for currency in Currency
        if currency is not Currency.CNY
        for tier, line in lines.of(currency, on).items()
    )


def pace_label(points: Decimal | None) -> str:
    """Percentage points ahead of or behind the share of the year that has passed."""
    if points is None:
        return ""
    if points == 0:
        return "与序时进度持平"
    return f"{'超前' if points > 0 else '落后'} {abs(points)} 个百分点"
