"""Enums of leads, and the rules about milestones (REGIME 2 and 6). Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta

from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.leads.tiers import MAJOR, Tier


class Stage(LabeledEnum):
    """How far a lead has come."""

    LEAD = "lead", "线索"
    FOLLOWING = "following", "正式跟进"
    NEGOTIATING = "negotiating", "在谈"
    SIGNED = "signed", "签约"
    REGISTERED = "registered", "注册"
    APPROVED = "approved", "报批完成"
    STARTED = "started", "开工"
    TOPPED_OUT = "topped_out", "封顶"
    COMPLETED = "completed", "竣工"
    OPERATING = "operating", "投产/开业"
    FULL_CAPACITY = "full_capacity", "达产"
    PARKED = "parked", "搁置"
    LOST = "lost", "流失"


LINE = tuple(stage for stage in Stage if stage not in (Stage.PARKED, Stage.LOST))


class Agreement(LabeledEnum):
    """What was signed; only a formal agreement makes a lead `signed` (PROJECTS 1)."""

    FORMAL = "formal", "正式投资协议"
    FRAMEWORK = "framework", "框架协议"
    INTENT = "intent", "意向协议"


class Secrecy(LabeledEnum):
    """Who may see a lead; `restricted` is 限知 and never a state secret."""

    OPEN = "open", "公开"
    INTERNAL = "internal", "内部"
    RESTRICTED = "restricted", "限知"


class AmountKind(LabeledEnum):
    """What an amount of a lead is of (PROJECTS 1)."""

    TOTAL = "total", "总投资"
    FIXED_ASSETS = "fixed_assets", "固定资产投资"
    REGISTERED_CAPITAL = "registered_capital", "注册资本"
    FOREIGN_CAPITAL = "foreign_capital", "外资"


class LeadRoleKind(LabeledEnum):
    """What a person or unit is to a lead."""

    ATTACHED_LEADER = "attached_leader", "挂钩领导"
    TASK_FORCE_HEAD = "task_force_head", "专班负责人"
    TASK_FORCE_MEMBER = "task_force_member", "专班成员"
    RESPONSIBLE_UNIT = "responsible_unit", "责任单位"
    ASSISTING_UNIT = "assisting_unit", "协办单位"
    TRACKER = "tracker", "跟踪责任人"


FINAL: frozenset[str] = frozenset({Stage.PARKED, Stage.LOST})
ON_LINE: Mapping[str, int] = {stage.value: place for place, stage in enumerate(LINE)}
# Side milestones that rules name; a zone has others of its own (PROJECTS 1).
FRAMEWORK = "framework"
LAUNCHED = "launched"
MOVED_IN = "moved_in"
FIRST_MONEY = "first_money"
# One at a time holds these; a new holder ends the one before.
SINGLE_ROLES = frozenset(LeadRoleKind) - {
    LeadRoleKind.TASK_FORCE_MEMBER,
    LeadRoleKind.ASSISTING_UNIT,
}
UNIT_ROLES = frozenset({LeadRoleKind.RESPONSIBLE_UNIT, LeadRoleKind.ASSISTING_UNIT})
# REGIME 6: a project of that size without one of these is flagged
EXPECTED_ROLES = (
    LeadRoleKind.ATTACHED_LEADER,
    LeadRoleKind.RESPONSIBLE_UNIT,
    LeadRoleKind.TRACKER,
)


@value_class
class Reached:
    """What a lead reached and when; `order` tells apart what was reached on one date."""

    kind: str  # a code: a stage, or a side milestone of the zone
    on: date
    order: int = 0


def since_last_stop(reached: Iterable[Reached]) -> tuple[list[Reached], Reached | None]:
    """What of the line was reached since the lead was last parked or lost, and that stop."""
    ordered = sorted(reached, key=lambda step: (step.on, step.order))
    stops = [place for place, step in enumerate(ordered) if step.kind in FINAL]
    start = stops[-1] + 1 if stops else 0
    going = [step for step in ordered[start:] if step.kind in ON_LINE]
    return going, ordered[stops[-1]] if stops else None


def current_stage(reached: Iterable[Reached]) -> Stage:
    """The furthest stage reached since the lead was last parked or lost, else that stop itself."""
    going, stop = since_last_stop(reached)
    if going:
        return LINE[max(ON_LINE[step.kind] for step in going)]
    return Stage(stop.kind) if stop else Stage.LEAD


@value_class
class LineProgress:
    """How far a lead has come on the line, the latest date of each stage, and where it stands."""

    furthest: Stage  # before the stop, where there is one
    reached_on: Mapping[Stage, date]
    stop: Reached | None  # parked or lost, and not gone on since


def line_progress(reached: Iterable[Reached]) -> LineProgress:
    """The progress of a lead that reached these; `current_stage` says where it stands."""
    ordered = sorted(reached, key=lambda step: (step.on, step.order))
    on_line = [step for step in ordered if step.kind in ON_LINE]
    going, stop = since_last_stop(ordered)
    since = going or on_line

    return LineProgress(
        LINE[max((ON_LINE[step.kind] for step in since), default=0)],
        {Stage(step.kind): step.on for step in on_line},
        None if going else stop,
    )


def next_stages(stage: Stage) -> tuple[Stage, ...]:
    """The stages that may come next: any further one of the line, as stages may be skipped."""
    # a lead that was parked or lost may go on at any stage
    if stage not in LINE:
        return LINE[1:]
    return LINE[LINE.index(stage) + 1 :]


def moves(stage: Stage) -> tuple[Stage, ...]:
    """Where a card of the board may go: further on the line, or to a stop (PROJECTS 2)."""
    return (*next_stages(stage), *(stop for stop in (Stage.PARKED, Stage.LOST) if stop != stage))


def kind_signed(agreement: Agreement) -> str:
    """What the signing of an agreement reaches (PROJECTS 1)."""
    return Stage.SIGNED if agreement is Agreement.FORMAL else FRAMEWORK


def check_reached(kind: str, on: date, reached: Sequence[Reached], *, name: str) -> None:
    """Refuse what was reached already or stands against the order of the line."""
    going, stop = since_last_stop(reached)
    # after a stop a stage of the line may be reached anew, a side milestone not
    again = {step.kind: step for step in (going if kind in ON_LINE else reached)}
    if kind not in FINAL and (earlier := again.get(kind)):
        raise Refused("already_reached", field="kind", kind=name, on=earlier.on)
    if kind in FINAL and stop and stop.kind == kind and not going:
        raise Refused("already_reached", field="kind", kind=name, on=stop.on)
    for step in going if kind in ON_LINE else ():
        check_order(Reached(kind, on), step)


def check_order(step: Reached, other: Reached) -> None:
    """Refuse two stages of the line of which the further one has the earlier date."""
    early, late = sorted((step, other), key=lambda reached: ON_LINE[reached.kind])
    if late.on < early.on:
        raise Refused("out_of_order", field="on", kind=Stage(other.kind).label, on=other.on)


def missing_roles(stage: Stage, size: Tier, held: Collection[LeadRoleKind]) -> list[LeadRoleKind]:
    """The roles that a major project should have but nobody holds (REGIME 6)."""
    if stage is Stage.LOST or not size.reaches(MAJOR):
        return []
    return [role for role in EXPECTED_ROLES if role not in held]


def first_gap(spans: Iterable[tuple[date, date]], since: date) -> date | None:
    """The first date from `since` on that no span covers (both ends included); none: all are."""
    free = since
    for first, last in sorted(spans):
        if first > free:
            break
        # there is no day after it
        if last == date.max:
            return None
        free = max(free, last + timedelta(days=1))
    return free
