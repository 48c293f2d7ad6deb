"""Why a figure has its status, in one sentence: the gap, the time left and the plans. Pure.

Pages and mails say the same sentence, so that it never contradicts the status beside it.
"""

from crm.base.periods import PeriodKind
from crm.quotas.rules import Figure, FigureStatus, Outlook
from crm.quotas.wording import unit_of

THIS = {
    PeriodKind.WEEK: "本周",
    PeriodKind.XUN: "本旬",
    PeriodKind.MONTH: "本月",
    PeriodKind.QUARTER: "本季度",
    PeriodKind.YEAR: "本年",
}


def status_reason(figure: Figure) -> str:
    """The sentence, without a full stop: `差 6 天，本月只剩 3 个工作日，无计划`."""
    match figure.status:
        case FigureStatus.EXEMPT:
            return _exempt(figure)
        case FigureStatus.MET:
            return _met(figure)
        case FigureStatus.MISSED:
            return _missed(figure)
        case FigureStatus.UNREACHABLE | FigureStatus.AT_RISK | FigureStatus.ON_TRACK:
            return _running(figure)


def gap_of(figure: Figure) -> int:
    """How much is still missing; what is planned is missing, too."""
    return max(figure.required - figure.achieved, 0)


def _exempt(figure: Figure) -> str:
    this = THIS[figure.period.kind]
    if not figure.workdays:
        return f"{this}没有工作日，免考核"
    if not figure.present:
        return f"{this}没有在岗工作日，免考核"
    return f"{this}在岗 {figure.present} 个工作日，折算后免考核"


def _met(figure: Figure) -> str:
    unit, more = unit_of(figure.rule), figure.achieved - figure.required
    done = f"已完成 {figure.achieved} {unit}"
    return f"{done}，超过要求 {more} {unit}" if more else f"{done}，达到要求"


def _missed(figure: Figure) -> str:
    gap = f"差 {gap_of(figure)} {unit_of(figure.rule)}"
    if further := _further(figure):
        return f"{gap}，{further}"
    done = f"已完成 {figure.achieved} {unit_of(figure.rule)}" if figure.achieved else "无计入的拜访"
    return f"{gap}，{done}"


def _further(figure: Figure) -> str:
    """What may still count of a period that is over: `另有 2 天待办结、1 天待确认`."""
    # a frozen figure waits for nothing
    if figure.outlook is None:
        return ""
    unit = unit_of(figure.rule)
    counts = ((figure.planned, "待办结"), (figure.outlook.to_confirm, "待确认"))
    parts = [f"{count} {unit}{step}" for count, step in counts if count]
    return f"另有 {'、'.join(parts)}" if parts else ""


def _running(figure: Figure) -> str:
    gap, unit = gap_of(figure), unit_of(figure.rule)
    parts = [f"差 {gap} {unit}"]
    outlook = figure.outlook

    # nothing more is known of a figure that was read without it
    if outlook is None:
        return parts[0]
    if gap <= figure.planned:
        parts.append(f"已排计划 {figure.planned} {unit}，办结后即达标")
    else:
        parts += _left(figure, outlook)
    if outlook.to_confirm:
        parts.append(f"另有 {outlook.to_confirm} {unit}待确认")

    return "，".join(parts)


def _left(figure: Figure, outlook: Outlook) -> list[str]:
    """The working days left, the plans, and what these leave open."""
    unit, most = unit_of(figure.rule), figure.planned + (outlook.free or 0)
    is_unreachable = figure.status is FigureStatus.UNREACHABLE
    if is_unreachable and not most:
        return [f"{THIS[figure.period.kind]}已无可安排的日期"]

    parts = [_workdays_left(figure, outlook)]
    parts.append(f"已排计划 {figure.planned} {unit}" if figure.planned else "无计划")

    if is_unreachable:
        parts.append(f"最多再完成 {most} {unit}")
    elif figure.status is FigureStatus.AT_RISK and figure.planned:
        parts.append(f"还需安排 {outlook.need} {unit}")

    return parts


def _workdays_left(figure: Figure, outlook: Outlook) -> str:
    this, count = THIS[figure.period.kind], outlook.workdays_left
    if not count:
        return f"{this}已无在岗工作日"

    left = "还有" if figure.status is FigureStatus.ON_TRACK else "只剩"
    present = "在岗" if figure.present < figure.workdays else ""
    leave = f"（另请假 {outlook.on_leave} 天）" if outlook.on_leave else ""
    return f"{this}{left} {count} 个{present}工作日{leave}"
