"""Sentences about figures that several pages show: their basis, and why a visit does not count."""

from datetime import date

from crm.base import formatting
from crm.base.periods import Period
from crm.quotas.rules import (
    Figure,
    FigureBasis,
    FigureStatus,
    NotCounted,
    Reason,
    Rule,
    VisitFacts,
    basis_of,
)
from crm.quotas.status_reasons import THIS
from crm.visits.rules import is_logged_late

ESTIMATED_CALENDAR = "本期的放假安排尚未公布或导入，工作日为推算，应完成数可能调整。"


def period_label(period: Period, today: date) -> str:
    """`本周` and the like for the current period, its name for another."""
    return THIS[period.kind] if today in period else formatting.period_name(period)


def result_label(achieved: int, required: int, status: FigureStatus) -> str:
    return f"{achieved}/{required} {status.label}"


def frozen_note(figure: Figure) -> str:
    """That a figure is frozen, and its latest correction; empty for one that is not frozen."""
    if figure.settled is None:
        return ""
    return correction_note(figure) or FigureBasis.SETTLED.label


def correction_note(figure: Figure) -> str:
    """The latest correction of a frozen figure; empty without one."""
    if figure.settled is None or figure.settled.corrected is None:
        return ""
    corrected = figure.settled.corrected
    # REGIME 4: the frozen figure and its correction both stay visible
    signed = "已签认" if corrected.is_signed else "待签认"
    result = result_label(corrected.achieved, corrected.required, corrected.status)
    return f"定稿；更正为 {result}（{signed}）"


def basis_label(figure: Figure, *, system_since: date) -> str:
    """What the figure rests on: a freeze with its correction, or records that still change."""
    return frozen_note(figure) or basis_of([figure], figure.period, system_since).label


def split_uncounted(figure: Figure, uncounted: NotCounted) -> tuple[int, int]:
    """How many dates of a visit are lost, and how many count through another visit."""
    # where visits are counted, `Figure.lost` knows nothing of a second visit on one day
    lost = 0 if uncounted.reason is Reason.SAME_DAY else len(figure.lost(uncounted))
    return lost, uncounted.days - lost


def why_not_counted(uncounted: NotCounted, rule: Rule) -> str:
    """The reason why a visit, or dates of it, do not count."""
    visit = uncounted.visit

    return {
        Reason.OUTSIDE_PERIOD: "开始日期不在本期",
        Reason.NOT_LEADER: "只计带队人",
        Reason.WRONG_KIND: f"“{visit.kind.label}”不在计入的类型内",
        Reason.WRONG_CHANNEL: f"“{visit.channel.label}”不在计入的方式内",
        Reason.NOT_DONE: "尚未办结，办结后计入",
        Reason.REJECTED: "已被督查人员退回",
        Reason.LOGGED_LATE: _why_late(visit, rule),
        Reason.OUTSIDE_EMPLOYMENT: "当日不担任该职务",
        Reason.ABSENT: "当日已请假",
        Reason.SAME_DAY: "同一天已计一次",
    }[uncounted.reason]


def _why_late(visit: VisitFacts, rule: Rule) -> str:
    """Whether it was set done late, or its dates were entered late."""
    if is_logged_late(visit.last_on, visit.logged_at, rule.log_within_days):
        return f"结束超过 {rule.log_within_days} 天才办结，督查人员确认后计入"
    late = f"最早一天过去 {visit.late_by_days} 天后才登记"
    return f"{late}，超过 {rule.stay_within_days} 天的补录期限，督查人员确认后计入"
