"""What a rule asks of whom, in words; and from which period on it does (REGIME 4). Pure."""

from collections.abc import Sequence
from datetime import date

from crm.base import formatting
from crm.base.periods import Period, PeriodKind
from crm.quotas.rules import (
    Cap,
    CountBy,
    Figure,
    FigureStatus,
    Measure,
    Proration,
    Rule,
)
from crm.visits.rules import Channel, Kind

EACH = {
    PeriodKind.WEEK: "每周",
    PeriodKind.XUN: "每旬",
    PeriodKind.MONTH: "每月",
    PeriodKind.QUARTER: "每季度",
    PeriodKind.YEAR: "每年",
}
_DOING = {
    Measure.VISITS_LED: "带队",
    Measure.VISITS_JOINED: "带队或参加",
    # days count for who leads and who joins alike: nothing to say
    Measure.DAYS_RESIDENT: "",
}
_BOUND = {Cap.CALENDAR_DAYS: "在岗的自然日数", Cap.WORKDAYS: "在岗的工作日数"}


AT_RISK_MEANS = "“有风险”是指：自当天起即使按平均进度的1.5倍推进，本期也难以完成。"


def unit_of(rule: Rule) -> str:
    """The measure word of what a rule counts."""
    return "天" if rule.counts_days else "次"


def sentence_of(rule: Rule) -> str:
    """What the rule asks of whom, from when and how it is counted: one sentence for everybody."""
    parts = [
        f"{_since(rule)}，{demand_of(rule)}，{_same_day(rule)}",
        _logging(rule.log_within_days),
    ]
    if rule.counts_days and rule.stay_within_days is not None:
        parts.append(_entering(rule.stay_within_days))
    parts.append(_proration(rule))
    if rule.counts_days:
        parts.append(f"应完成天数不超过{_BOUND[rule.cap]}")
    return "；".join(parts) + "。"


def demand_of(rule: Rule) -> str:
    """The core of it: `分管负责同志每月带队外出拜访或驻城招商至少 6 次（限面谈）`."""
    # in the order of the enum: a set has none
    kinds = _either([kind.label for kind in Kind if kind in rule.kinds])
    action = f"{_DOING[rule.measure]}{kinds}"
    amount = f"{rule.minimum} {unit_of(rule)}"
    return f"{rule.duty.label}{EACH[rule.period]}{action}至少 {amount}（{_channels(rule)}）"


def why_at_risk(figure: Figure) -> str:
    """Why a running figure is at risk, with its numbers; empty where it is not (REGIME 4).

    It is the same sentence on pages and in mails.
    """
    if figure.status is not FigureStatus.AT_RISK or figure.outlook is None:
        return ""

    outlook, unit = figure.outlook, unit_of(figure.rule)
    besides = "除已计划的外，" if figure.planned else ""
    return (
        f"{besides}还需 {outlook.need} {unit}，剩余 {outlook.workdays_left} 个在岗工作日；"
        f"即使按平均进度的1.5倍推进也难以完成（最多再完成 {outlook.reachable} {unit}）。"
    )


def first_judged(rule: Rule) -> Period:
    """The first period that the rule judges: the first whose first date it holds on."""
    holding = Period.holding(rule.period, rule.valid_from)
    return holding if holding.first == rule.valid_from else holding.after


def beginning_of(rule: Rule) -> str:
    """From which period on the rule judges; a period in which it begins stays as it was."""
    first = first_judged(rule)
    sentence = f"从{formatting.period_name(first)}起按此考核"
    if first.first == rule.valid_from:
        return f"{sentence}。"

    running = formatting.period_name(first.before)
    return f"{sentence}；{full_day(rule.valid_from)}处于{running}，{running}整期仍按原规定考核。"


def full_day(on: date) -> str:
    """A date with its year: `2026年9月1日`."""
    return f"{on.year}年{formatting.day(on)}"


def _since(rule: Rule) -> str:
    until = f"至{full_day(rule.valid_to)}止" if rule.valid_to else ""
    return f"自{full_day(rule.valid_from)}起{until}"


def _either(words: Sequence[str]) -> str:
    *others, last = words
    return f"{'、'.join(others)}或{last}" if others else last


def _channels(rule: Rule) -> str:
    # shorter than the list of them all
    if rule.channels >= frozenset(Channel):
        return "方式不限"
    return "限" + "、".join(channel.label for channel in Channel if channel in rule.channels)


def _same_day(rule: Rule) -> str:
    if rule.counts_days:
        return "带队、同行都算，同一天只算一天"
    return "同一天多次算一次" if rule.count_by is CountBy.DAY else "同一天多次分别计算"


def _logging(days: int) -> str:
    within = f"后 {days} 天内" if days else "当天"
    return f"拜访结束{within}办结有效，逾期须经督查人员确认"


def _entering(days: int) -> str:
    return f"一次多日的，最早一天过去超过 {days} 天才登记的，也须经督查人员确认"


def _proration(rule: Rule) -> str:
    if rule.proration is Proration.NONE:
        return "不按在岗天数折算"
    return f"按在岗工作日折算，{rule.rounding.label}"
