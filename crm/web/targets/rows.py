"""Target rows for the templates, and the labels of targets."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from crm.base.money import format_amount
from crm.targets.rules import Metric, TargetMeasure, TargetProgress, Tier


@dataclass(frozen=True, slots=True)
class TargetRow:
    id: int
    title: str
    goal: str
    achieved: str
    foreign: str  # amounts in other currencies: never converted, so not in `achieved`
    percent: Decimal | None
    pace: Decimal
    pace_label: str
    is_behind: bool
    projects: int


@dataclass(frozen=True, slots=True)
class UnitTargets:
    name: str
    rows: tuple[TargetRow, ...]


def targets_by_unit(progress: Iterable[TargetProgress]) -> list[UnitTargets]:
    """Group targets by unit; those of a unit must follow each other."""
    return [
        UnitTargets(name, tuple(map(target_row, targets)))
        for name, targets in groupby(progress, key=lambda target: target.unit_name)
    ]


def target_row(progress: TargetProgress) -> TargetRow:
    goal = progress.goal

    return TargetRow(
        id=goal.id,
        title=target_title(goal.metric, goal.tier, goal.measure),
        goal=target_value(goal.value, goal.measure),
        achieved="" if progress.achieved is None else target_value(progress.achieved, goal.measure),
        foreign="、".join(format_amount(amount, currency) for amount, currency in progress.beside),
        percent=progress.percent,
        pace=progress.pace,
        pace_label=pace_label(progress.points),
        is_behind=progress.points is not None and progress.points < 0,
        projects=len(progress.projects),
    )


def target_title(metric: Metric, tier: Tier, measure: TargetMeasure) -> str:
    """The name of what a target counts: `签约10亿元以上项目数`."""
    size = "" if tier is Tier.ANY else tier.label
    if metric is Metric.MONEY:
        return f"{size}项目{metric.label}" if size else metric.label
    return f"{metric.label}{size}项目{'数' if measure is TargetMeasure.COUNT else '总投资'}"


def target_value(value: Decimal, measure: TargetMeasure) -> str:
    """A number of projects or an amount, with its unit: `20 个`, `600亿元`."""
    return f"{value:f} 个" if measure is TargetMeasure.COUNT else format_amount(value)


def pace_label(points: Decimal | None) -> str:
    """Percentage points ahead of or behind the share of the year that has passed."""
    if points is None:
        return ""
    if points == 0:
        return "与序时进度持平"
    return f"{'超前' if points > 0 else '落后'} {abs(points)} 个百分点"
