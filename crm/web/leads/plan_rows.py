"""Planned milestones as a lead's page tells them: planned, moved, reached, overdue."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from crm.base import clock, formatting
from crm.leads.models import Lead, MilestonePlan
from crm.leads.planning import STOPPED, PlannedMilestone
from crm.leads.rules import MilestoneKind
from crm.web.visits.rows import Chip


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One planned milestone: when, how that stands, and every date that was planned."""

    kind: MilestoneKind
    on: str
    chip: Chip | None
    note: str | None  # the date planned first where it was moved since, or what came of it
    history: tuple[str, ...]
    is_open: bool


def plan_lines(lead: Lead, planned: Iterable[PlannedMilestone], on: date) -> list[PlanLine]:
    """What still lies ahead, the nearest first, then what lies behind."""
    ordered = sorted(planned, key=lambda one: one.is_behind)
    return [_line(lead, one, on) for one in ordered]


def _line(lead: Lead, one: PlannedMilestone, on: date) -> PlanLine:
    is_moved = len(one.plans) > 1
    return PlanLine(
        one.kind,
        formatting.dated(one.planned_on, on),
        _chip(lead, one, on),
        _note(one, on),
        tuple(_told(plan, on) for plan in one.plans) if is_moved else (),
        not one.is_behind,
    )


def _chip(lead: Lead, one: PlannedMilestone, on: date) -> Chip | None:
    if one.is_behind:
        return Chip("已完成", "good") if one.reached_on else None
    if lead.stage in STOPPED:
        return Chip(f"项目已{lead.stage.label}", "neutral")
    days = (one.planned_on - on).days
    if one.is_overdue(lead, on):
        return Chip(f"逾期 {-days} 天", "bad")
    return Chip(f"还有 {days} 天", "info") if days else Chip("今天到期", "warn")


def _note(one: PlannedMilestone, on: date) -> str | None:
    if one.is_behind:
        return _came(one, on)
    return _moved(one, on) if len(one.plans) > 1 else None


def _moved(one: PlannedMilestone, on: date) -> str:
    return f"最初计划 {formatting.dated(one.baseline_on, on)}，已调整 {len(one.plans) - 1} 次"


def _came(one: PlannedMilestone, on: date) -> str:
    if one.reached_on is None:
        return "已进入后面的阶段，没有单独登记"
    told = [
        f"{formatting.dated(one.reached_on, on)}完成",
        _against("计划", one.reached_on, one.planned_on),
    ]
    if one.baseline_on != one.planned_on:
        told.append(_against("最初计划", one.reached_on, one.baseline_on))
    return "，".join(told)


def _against(plan: str, reached_on: date, planned_on: date) -> str:
    days = (reached_on - planned_on).days
    if not days:
        return f"与{plan}相同"
    return f"比{plan}{'晚' if days > 0 else '早'} {abs(days)} 天"


def _told(plan: MilestonePlan, on: date) -> str:
    who = plan.entered_by.name if plan.entered_by else ""
    when = formatting.dated(clock.civil_date(plan.entered_at), on)
    told = f"{when} {who}定为 {formatting.dated(plan.planned_on, on)}"
    return f"{told}：{plan.reason}" if plan.reason else told
