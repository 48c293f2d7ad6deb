"""What a visit does to the quota of those who made it, in words (REGIME 4)."""

from dataclasses import dataclass
from datetime import date

from crm.base import formatting
from crm.base.periods import Period, PeriodKind
from crm.quotas.counting import is_late
from crm.quotas.queries import FiguresByPeriod
from crm.quotas.rules import Figure, FigureStatus, NotCounted, Reason, Rule, VisitFacts
from crm.quotas.wording import unit_of
from crm.visits.rules import Status

_NOW = {
    PeriodKind.WEEK: "本周",
    PeriodKind.XUN: "本旬",
    PeriodKind.MONTH: "本月",
    PeriodKind.QUARTER: "本季度",
    PeriodKind.YEAR: "本年",
}


ESTIMATED = "本期的放假安排尚未公布或录入，工作日为推算，应完成数可能调整。"


@dataclass(frozen=True, slots=True)
class Effect:
    """One sentence about one figure, with the tone in which it is shown."""

    tone: str
    text: str


def period_now(period: Period, today: date) -> str:
    """A period as one speaks of it today: `本周`, or by its name where it is another."""
    return _NOW[period.kind] if today in period else formatting.period_name(period)


def effects(
    before: FiguresByPeriod, after: FiguresByPeriod, visit_id: int, *, today: date, whose: str = ""
) -> list[Effect]:
    """What changed in each figure, or why the visit changed nothing there."""
    told = []
    for key, figure in after.items():
        title = f"{whose}{period_now(figure.period, today)}{figure.rule.measure.label}"
        told.append(_effect(before.get(key), figure, visit_id, title))
    return [effect for effect in told if effect]


def _effect(old: Figure | None, new: Figure, visit_id: int, title: str) -> Effect | None:
    achieved, planned = (old.achieved, old.planned) if old else (0, 0)
    left_out = [each for each in new.not_counted if each.visit.id == visit_id]
    if new.achieved != achieved:
        tone = "success" if new.achieved > achieved else "info"
        change = f"{title} {achieved}/{new.required} → {new.achieved}/{new.required}"
        return Effect(tone, f"{change}，{_standing(new)}。{_rest(new, left_out)}")
    if new.planned != planned:
        counted = "，完成后计入" if new.planned > planned else ""
        return Effect("info", f"{title}：计划 {planned} → {new.planned}{counted}。")
    if left_out and left_out[0].visit.status is not Status.CANCELLED:
        if all(each.reason is Reason.SAME_DAY for each in left_out):
            return Effect("info", f"{title}不变：{why_not(left_out[0], new.rule)}。")
        why = "；".join(dict.fromkeys(why_not(each, new.rule) for each in left_out))
        return Effect("warning", f"没有计入{title}：{why}。")

    return None


def _standing(figure: Figure) -> str:
    if figure.status is FigureStatus.EXEMPT:
        return FigureStatus.EXEMPT.label
    if figure.achieved >= figure.required:
        return "已达标"
    return f"还差 {figure.required - figure.achieved} {unit_of(figure.rule)}"


def _rest(figure: Figure, left_out: list[NotCounted]) -> str:
    """The days of a stay that do not count although others do; those to come go without saying."""
    told = []
    for each in left_out:
        lost = len(figure.lost(each)) if each.reason is not Reason.SAME_DAY else 0
        if each.reason is Reason.NOT_DONE:
            continue
        if lost < each.days:
            told.append(f"其中 {each.days - lost} 天已由其他拜访计入。")
        if lost:
            told.append(f"另有 {lost} 天未计入：{why_not(each, figure.rule)}。")
    return "".join(told)


def why_not(left_out: NotCounted, rule: Rule) -> str:
    """Why a visit, or days of it, do not count, as said to whoever made it."""
    visit = left_out.visit

    return {
        Reason.OUTSIDE_PERIOD: "开始日期不在本期",
        Reason.NOT_LEADER: "只计带队人",
        Reason.WRONG_KIND: f"“{visit.kind.label}”不在计入的类型内",
        Reason.WRONG_CHANNEL: f"“{visit.channel.label}”不在计入的方式内",
        Reason.NOT_DONE: "尚未完成，设为完成后计入",
        Reason.REJECTED: "已被督查人员退回",
        Reason.LOGGED_LATE: _late(visit, rule),
        Reason.OUTSIDE_EMPLOYMENT: "当日不担任该职务",
        Reason.ABSENT: "当日已请假",
        Reason.SAME_DAY: "同一天已计一次",
    }[left_out.reason]


def _late(visit: VisitFacts, rule: Rule) -> str:
    """Whether it was set done late, or its days were entered late."""
    if is_late(visit, rule.log_within_days):
        return f"结束超过 {rule.log_within_days} 天才登记，督查人员确认后计入"
    late = f"最早一天过去 {visit.late_by_days} 天后才录入"
    return f"{late}，超过 {rule.stay_within_days} 天的补录期限，督查人员确认后计入"
