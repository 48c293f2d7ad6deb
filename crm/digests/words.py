"""How weekly and monthly digests put figures, visits and targets into words."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from crm.base import formatting
from crm.base.money import format_amount
from crm.digests.content import (
    Digest,
    FigureLine,
    LeadName,
    OrderCounts,
    ProgressLine,
    RuleLine,
    VisitLine,
)
from crm.digests.document import Link
from crm.digests.truncated import Truncated
from crm.leads.tiers import Tier
from crm.quotas.rules import Figure, FigureBasis, PendingVisits
from crm.quotas.wording import unit_of
from crm.targets.rules import (
    OF_MONEY,
    Goal,
    Metric,
    TargetMeasure,
    TargetProgress,
)
from crm.targets.wording import amounts_text
from crm.visits.rules import Channel

MINUTES = 80  # characters of a visit's minutes
ESTIMATED = "部分日期的放假调休安排尚未公布，工作日按周一至周五并扣除法定节假日推算。"
NOT_SPLIT = "不足3人，不分项"


def tally(figure: Figure) -> str:
    """What is achieved of what is required: `3/6 次`."""
    return f"{figure.achieved}/{figure.required} {unit_of(figure.rule)}"


def settled(figure: Figure) -> str:
    """Whether the figure is frozen, and what a correction made of it."""
    if figure.settled is None:
        return ""
    corrected = figure.settled.corrected
    if corrected is None:
        return FigureBasis.SETTLED.label
    signed = "已签认" if corrected.is_signed else "待签认"
    values = f"{corrected.achieved}/{corrected.required} {corrected.status.label}"
    return f"定稿，更正为 {values}（{signed}）"


def compared(line: FigureLine) -> str:
    """The figure of the period before."""
    if line.previous is None:
        return ""
    frozen = settled(line.previous)
    ending = f"（{frozen}）" if frozen else ""
    return f"上期 {tally(line.previous)}，{line.previous.status.label}{ending}"


def status_change(line: FigureLine) -> str:
    """The status a week ago and now: `正常推进 → 有风险`."""
    before = line.status_week_ago.label if line.status_week_ago else ""
    return f"{before} → {line.figure.status.label}"


def visit_dates(visit: VisitLine) -> str:
    """When it was or will be; of a single day with its time."""
    if visit.first_on == visit.last_on:
        return formatting.moment(visit.starts_at)
    return formatting.span(visit.first_on, visit.last_on)


def visit_title(visit: VisitLine) -> str:
    """Where it leads and what it is."""
    channel = "" if visit.channel is Channel.IN_PERSON else f"（{visit.channel.label}）"
    return f"{visit.city} {visit.kind.label}{channel}".strip()


def minutes(visit: VisitLine) -> str:
    """The beginning of the minutes."""
    text = visit.minutes or ""
    return text if len(text) <= MINUTES else f"{text[: MINUTES - 1]}…"


def lead_link(name: LeadName) -> Link:
    """A project's name with its page, where the reader has one."""
    return Link(name.text, f"/leads/{name.id}" if name.id else "")


def steps(line: ProgressLine) -> tuple[str, ...]:
    """The milestones with their dates."""
    return tuple(f"{formatting.day(step.reached_on)}{step.name}" for step in line.steps)


def goal_title(goal: Goal) -> str:
    """What a target asks for: `签约10亿元以上项目数`."""
    size = "" if goal.tier is Tier.ANY else goal.tier.label
    if goal.metric is Metric.VALID_LEADS:
        return f"{size}{goal.metric.label}数"
    if goal.metric in OF_MONEY:
        return f"{size}项目{goal.metric.label}" if size else goal.metric.label
    what = "数" if goal.measure is TargetMeasure.COUNT else "总投资"
    return f"{goal.metric.label}{size}项目{what}{goal.currency_note}"


def goal_done(progress: TargetProgress) -> str:
    """What is achieved of the target, and what stands beside it in other currencies."""
    beside = goal_beside(progress)
    return f"{goal_figure(progress)}（{beside}）" if beside else goal_figure(progress)


def goal_beside(progress: TargetProgress) -> str:
    """What is never converted into the target's currency: `另有 371.8亿元`."""
    goal = progress.goal
    counts = goal.measure is TargetMeasure.COUNT or goal.value is None
    if counts or progress.achieved is None or not progress.beside:
        return ""
    return f"另有 {amounts_text(progress.beside)}"


def goal_figure(progress: TargetProgress) -> str:
    """What is achieved of the target: `13/20 个`."""
    goal = progress.goal
    wanted = "—" if goal.value is None else _quantity(goal, goal.value)
    if progress.achieved is None:
        return f"—/{wanted}"
    if goal.value is None:
        return _quantity(goal, progress.achieved)
    if goal.measure is TargetMeasure.COUNT:
        return f"{int(progress.achieved)}/{wanted}"
    return f"{_quantity(goal, progress.achieved)}/{wanted}"


def goal_parts(progress: TargetProgress) -> str:
    """What is registered, what of it waits and what is recognised, side by side (PROJECTS 7)."""
    if progress.registered is None or progress.achieved is None:
        return ""
    goal = progress.goal
    return (
        f"登记 {_quantity(goal, progress.registered)}"
        f" · 已申报待认定 {_quantity(goal, progress.waiting)}"
        f" · 已认定 {_quantity(goal, progress.achieved)}"
    )


def goal_gap(progress: TargetProgress) -> str:
    """What is missing to the target of the whole year: `差 7 个`."""
    if progress.goal.value is None:
        return "未设目标"
    missing = progress.goal.value - (progress.achieved or 0)
    return f"差 {_quantity(progress.goal, missing)}" if missing > 0 else "已完成"


def goal_points(progress: TargetProgress) -> str:
    """How far the target is ahead of the months gone, or behind."""
    if progress.goal.value is None:
        return "未设目标"
    if progress.points is None:
        return "尚无登记数据"
    if not progress.points:
        return "持平"
    way = "超前" if progress.points > 0 else "落后"
    return f"{way} {abs(progress.points)} 个百分点"


def _quantity(goal: Goal, value: Decimal) -> str:
    if goal.measure is TargetMeasure.COUNT:
        return f"{int(value)} 个"
    return format_amount(value, goal.currency)


def order_counts(counts: OrderCounts, this: str) -> str:
    """What happened to supervision orders."""
    return (
        f"{this}下达 {counts.issued} 件，反馈 {counts.answered} 件，"
        f"销号 {counts.accepted} 件；目前逾期 {counts.overdue} 件"
    )


def basis(lines: Iterable[RuleLine]) -> str:
    """Whether all these counts are final; empty as long as one is preliminary."""
    labels = {line.basis for line in lines}
    if len(labels) > 1 or FigureBasis.PRELIMINARY in labels:
        return ""
    return labels.pop().label


def pending(digest: Digest) -> str:
    """What the figures rest on as long as they are not frozen."""
    if digest.basis is FigureBasis.RETRACED:
        return "本期早于系统启用，不核算、不定稿"
    return _pending(digest.pending)


def _pending(counts: PendingVisits) -> str:
    parts = ((counts.to_log, "待办结"), (counts.to_judge, "待确认"))
    waiting = "、".join(f"{count} 次拜访{step}" for count, step in parts if count)
    if waiting:
        return f"还有 {waiting}，数字可能变化"
    return "暂无待办结或待确认的拜访；定稿前如有补录，数字会相应更新"


def rest(listed: Truncated[Any], unit: str, url: str) -> tuple[Link, ...]:
    """What is left out of a list: for want of room, and because the reader may not know of it."""
    found = []
    if listed.more:
        found.append(Link(f"其余 {listed.more} {unit}见系统", url))
    if listed.hidden:
        found.append(Link(f"另有 {listed.hidden} 个项目按知悉范围未列出"))
    return tuple(found)


def until(on: date) -> str:
    """The last date of a plan, for a heading."""
    return f"（至 {formatting.day(on)}）"
