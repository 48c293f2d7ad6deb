"""Why a figure in a mail has its status, and which visits did not count, in words."""

from collections.abc import Sequence

from crm.base import formatting
from crm.quotas.rules import Figure, FigureStatus, NotCounted, Reason, Rule
from crm.quotas.status_reasons import status_reason
from crm.quotas.wording import sentence_of

MOST_VISITS = 3


def reason(figure: Figure, excluded: Sequence[NotCounted]) -> str:
    """The gap and why, without a full stop; empty where the quota is met."""
    if figure.status in (FigureStatus.MET, FigureStatus.EXEMPT):
        return ""
    sentence = status_reason(figure)
    has_others = excluded or figure.planned or not figure.achieved
    if figure.status is FigureStatus.MISSED and not has_others:
        return f"{sentence}，无其他拜访记录"
    return sentence


def not_counted(excluded: Sequence[NotCounted]) -> str:
    """The visits that did not count, each with its reason; empty where there are none."""
    if not excluded:
        return ""
    shown = "；".join(map(_visit, excluded[:MOST_VISITS]))
    left_out = len(excluded) - MOST_VISITS
    return f"未计入：{shown}" + (f"；其余 {left_out} 项见明细" if left_out > 0 else "")


def _visit(item: NotCounted) -> str:
    days = f"，{item.days}天" if item.days > 1 else ""
    visit = f"{formatting.day(item.visit.first_on)}{item.visit.kind.label}"
    why = "尚未办结" if item.reason is Reason.NOT_DONE else item.reason.label
    return f"{visit}（{item.visit.channel.label}{days}）{why}"


def definition_of(rule: Rule) -> str:
    """What the rule asks of whom, with its name."""
    return f"{rule.name}：{sentence_of(rule)}"
