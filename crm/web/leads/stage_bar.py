"""The stage bar of a lead's page: stages passed with their dates, the present one, those ahead."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum

from crm.base import formatting
from crm.base.value_class import value_class
from crm.leads.milestone_kinds import STAGE_CODES
from crm.leads.models import Lead
from crm.leads.planning import PlannedMilestone
from crm.leads.progress import progress_of
from crm.leads.rules import LINE, LineProgress, Stage, next_stages


class Place(StrEnum):
    """Where a stage of the bar lies from the present one."""

    PASSED = "passed"
    PRESENT = "present"
    STOPPED = "stopped"  # parked or lost, in place of the present stage
    AHEAD = "ahead"


@value_class
class BarStage:
    """One stage of the bar; `note` is its date, planned where the stage lies ahead."""

    label: str
    place: Place
    note: str


@value_class
class SideMilestone:
    """A side milestone that was reached, or that is planned."""

    label: str
    note: str  # its date
    is_reached: bool


@value_class
class StageBar:
    """The stages in their order, and what the lead may be moved to with one button."""

    stages: list[BarStage]
    next_kind: str | None
    next_label: str
    stop_label: str  # parked or lost; empty where it goes on
    stop_reason: str | None
    sides: list[SideMilestone]


def stage_bar(
    lead: Lead, planned: Sequence[PlannedMilestone], names: Mapping[str, str], on: date
) -> StageBar:
    """The bar of a lead whose milestones are loaded."""
    progress = progress_of(lead)
    plans = {milestone.kind: milestone.planned_on for milestone in planned}
    place_of_furthest = LINE.index(progress.furthest)
    passed = place_of_furthest + (1 if progress.stop else 0)

    stages = [_passed(stage, progress, on) for stage in LINE[:passed]]
    stages.append(_present(progress, on))
    stages += [_ahead(stage, plans, on) for stage in LINE[place_of_furthest + 1 :]]
    next_kind = _next_kind(lead.stage, progress)

    return StageBar(
        stages,
        next_kind,
        _next_label(next_kind, progress),
        Stage(progress.stop.kind).label if progress.stop else "",
        _reason(lead, progress, on),
        _sides(lead, planned, names, on),
    )


def _sides(
    lead: Lead, planned: Iterable[PlannedMilestone], names: Mapping[str, str], on: date
) -> list[SideMilestone]:
    """The side milestones, the reached ones first, each by its date."""
    reached = {
        step.kind: step.reached_on for step in lead.milestones if step.kind not in STAGE_CODES
    }
    ahead = [
        (plan.planned_on, plan.kind)
        for plan in planned
        if plan.kind not in STAGE_CODES and plan.kind not in reached
    ]
    found = [
        SideMilestone(names[kind], _date(reached_on, on), is_reached=True)
        for kind, reached_on in sorted(reached.items(), key=lambda item: item[1])
    ]
    return found + [
        SideMilestone(names[kind], f"计划{_date(planned_on, on)}", is_reached=False)
        for planned_on, kind in sorted(ahead)
    ]


def _passed(stage: Stage, progress: LineProgress, on: date) -> BarStage:
    reached_on = progress.reached_on.get(stage)
    return BarStage(stage.label, Place.PASSED, _date(reached_on, on) if reached_on else "已跳过")


def _present(progress: LineProgress, on: date) -> BarStage:
    if progress.stop:
        return BarStage(Stage(progress.stop.kind).label, Place.STOPPED, _date(progress.stop.on, on))
    reached_on = progress.reached_on.get(progress.furthest)
    note = _date(reached_on, on) if reached_on else ""
    return BarStage(progress.furthest.label, Place.PRESENT, note)


def _ahead(stage: Stage, plans: Mapping[str, date], on: date) -> BarStage:
    planned_on = plans.get(stage.value)
    note = f"计划{_date(planned_on, on)}" if planned_on else ""
    return BarStage(stage.label, Place.AHEAD, note)


def _date(on: date, today: date) -> str:
    return formatting.dated(on, today)


def _next_kind(stage: Stage, progress: LineProgress) -> str | None:
    # a stopped lead goes on where it was; nothing goes back to a mere lead
    ahead = next_stages(stage)
    chosen = progress.furthest if progress.furthest in ahead else next(iter(ahead), None)
    return chosen.value if chosen else None


def _next_label(kind: str | None, progress: LineProgress) -> str:
    if not kind:
        return ""
    label = Stage(kind).label
    return f"恢复至“{label}”" if progress.stop else f"进入“{label}”"


def _reason(lead: Lead, progress: LineProgress, on: date) -> str | None:
    if not progress.stop:
        return None
    [stop] = [step for step in lead.milestones if step.id == progress.stop.order]
    again = f"{_date(stop.look_again_on, on)}再看" if stop.look_again_on else ""
    return "，".join(filter(None, (stop.reason, again))) or None
