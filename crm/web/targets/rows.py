"""How far targets have come, and how fast projects go, as pages tell it."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from crm.base.money import format_amount
from crm.targets.rules import Metric, TargetMeasure, TargetProgress, Tier


@dataclass(frozen=True, slots=True)
class TargetRow:
    """One target with how far it has come."""

    id: int
    title: str
    goal: str
    achieved: str
    beside: str  # foreign amounts, which the sum leaves out
    percent: Decimal | None
    pace: Decimal
    standing: str
    is_behind: bool
    projects: int


@dataclass(frozen=True, slots=True)
class UnitTargets:
    """The targets of one unit."""

    name: str
    rows: tuple[TargetRow, ...]


def by_unit(told: Iterable[TargetProgress]) -> list[UnitTargets]:
    """The targets unit by unit, in the order in which they come."""
    return [
        UnitTargets(name, tuple(map(target_row, some)))
        for name, some in groupby(told, key=lambda one: one.unit_name)
    ]


def target_row(told: TargetProgress) -> TargetRow:
    """A target in words."""
    goal = told.goal

    return TargetRow(
        id=goal.id,
        title=title_of(goal.metric, goal.tier, goal.measure),
        goal=value_of(goal.value, goal.measure),
        achieved="" if told.achieved is None else value_of(told.achieved, goal.measure),
        beside="、".join(format_amount(amount, currency) for amount, currency in told.beside),
        percent=told.percent,
        pace=told.pace,
        standing=points_of(told.points),
        is_behind=told.points is not None and told.points < 0,
        projects=len(told.projects),
    )


def title_of(metric: Metric, tier: Tier, measure: TargetMeasure) -> str:
    """What a target counts: `签约10亿元以上项目数`."""
    size = "" if tier is Tier.ANY else tier.label
    if metric is Metric.MONEY:
        return f"{size}项目{metric.label}" if size else metric.label
    return f"{metric.label}{size}项目{'数' if measure is TargetMeasure.COUNT else '总投资'}"


def value_of(value: Decimal, measure: TargetMeasure) -> str:
    """A number of projects, or an amount: `20 个`, `600亿元`."""
    return f"{value:f} 个" if measure is TargetMeasure.COUNT else format_amount(value)


def points_of(points: Decimal | None) -> str:
    """Ahead of the months or behind them, in points."""
    if points is None:
        return ""
    if points == 0:
        return "与序时进度持平"
    return f"{'超前' if points > 0 else '落后'} {abs(points)} 个百分点"
