"""Planned milestones as rows of a lead's page: planned, moved, reached, overdue."""

from collections.abc import Iterable
from datetime import date

from crm.base import clock, formatting
from crm.base.value_class import value_class
from crm.leads.milestone_kinds import Kinds
from crm.leads.models import Lead, MilestonePlan
from crm.leads.planning import STOPPED, PlannedMilestone
from crm.web.visits.rows import Chip


@value_class
class PlanRow:
    """One planned milestone, with its state and every date that was planned."""

    kind: str
    name: str
    on: str
    chip: Chip | None
    note: str | None  # the first plan where the date was moved, or the outcome
    history: tuple[str, ...]
    is_open: bool


def plan_rows(
    lead: Lead, planned: Iterable[PlannedMilestone], kinds: Kinds, on: date
) -> list[PlanRow]:
    """The milestones still ahead, the nearest first, then those behind."""
    ordered = sorted(planned, key=lambda milestone: milestone.is_behind)
    return [_row(lead, milestone, kinds.names[milestone.kind], on) for milestone in ordered]


def _row(lead: Lead, milestone: PlannedMilestone, name: str, on: date) -> PlanRow:
    is_moved = len(milestone.plans) > 1
    return PlanRow(
        milestone.kind,
        name,
        formatting.dated(milestone.planned_on, on),
        _chip(lead, milestone, on),
        _note(milestone, on),
        tuple(_plan_label(plan, on) for plan in milestone.plans) if is_moved else (),
        not milestone.is_behind,
    )


def _chip(lead: Lead, milestone: PlannedMilestone, on: date) -> Chip | None:
    if milestone.is_behind:
        return Chip("已完成", "good") if milestone.reached_on else None
    # nothing is due on a project that was stopped
    if lead.stage in STOPPED:
        return Chip(f"项目已{lead.stage.label}", "neutral")
    days = (milestone.planned_on - on).days
    if milestone.is_overdue(lead, on):
        return Chip(f"逾期 {-days} 天", "bad")
    return Chip(f"还有 {days} 天", "info") if days else Chip("今天到期", "warn")


def _note(milestone: PlannedMilestone, on: date) -> str | None:
    if milestone.is_behind:
        return _outcome(milestone, on)
    times_moved = len(milestone.plans) - 1
    if not times_moved:
        return None
    return f"最初计划 {formatting.dated(milestone.baseline_on, on)}，已调整 {times_moved} 次"


def _outcome(milestone: PlannedMilestone, on: date) -> str:
    # it is behind without a date where a later stage was logged directly
    if milestone.reached_on is None:
        return "已进入后续阶段，未单独登记"

    parts = [
        f"{formatting.dated(milestone.reached_on, on)}完成",
        _difference("计划", milestone.reached_on, milestone.planned_on),
    ]
    if milestone.baseline_on != milestone.planned_on:
        parts.append(_difference("最初计划", milestone.reached_on, milestone.baseline_on))

    return "，".join(parts)


def _difference(plan: str, reached_on: date, planned_on: date) -> str:
    days = (reached_on - planned_on).days
    if not days:
        return f"与{plan}相同"
    return f"比{plan}{'晚' if days > 0 else '早'} {abs(days)} 天"


def _plan_label(plan: MilestonePlan, on: date) -> str:
    who = plan.entered_by.name if plan.entered_by else ""
    when = formatting.dated(clock.civil_date(plan.entered_at), on)
    label = f"{when} {who}定为 {formatting.dated(plan.planned_on, on)}"
    return f"{label}：{plan.reason}" if plan.reason else label
