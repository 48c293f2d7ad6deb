"""States, kinds, dates and levels of supervision orders (REGIME 5). Pure."""

import re
from collections.abc import Collection, Sequence
from datetime import date

from crm.base.enums import LabeledEnum
from crm.base.periods import DAY
from crm.base.workdays import WorkingCalendar
from crm.base.workflow import Within

WORKDAYS_A_LEVEL = 3  # how long a level has before the next one up is informed


class OrderState(LabeledEnum):
    """How far a supervision order has come."""

    DRAFT = "draft", "拟稿"
    ISSUED = "issued", "已下达"
    RECEIVED = "received", "已签收"
    ANSWERED = "answered", "已反馈"
    RETURNED = "returned", "退回续办"
    ACCEPTED = "accepted", "已销号"
    DROPPED = "dropped", "不予下达"


# The leading unit has to act; only in these states is an order overdue.
WORKING = frozenset({OrderState.ISSUED, OrderState.RECEIVED, OrderState.RETURNED})
ANSWERABLE = frozenset({OrderState.RECEIVED, OrderState.RETURNED})
UNDER_WAY = WORKING | {OrderState.ANSWERED}
CLOSED = frozenset({OrderState.ACCEPTED, OrderState.DROPPED})


class OrderKind(LabeledEnum):
    """How much time the leading unit has."""

    URGENT = "urgent", "急办（3个工作日）"
    NORMAL = "normal", "一般（15日）"
    LONG = "long", "专项（30日）"


DUE = {
    OrderKind.URGENT: Within(workdays=3),
    OrderKind.NORMAL: Within(days=15),
    OrderKind.LONG: Within(days=30),
}


class Origin(LabeledEnum):
    """Why an order was drafted."""

    MISSED_TWICE = "missed_twice", "连续两期未完成"
    MILESTONE = "milestone", "项目节点逾期"
    MEETING = "meeting", "会议议定"
    INSTRUCTION = "instruction", "领导批示"
    PROBLEM = "problem", "困难问题"


BY_CLOCK = frozenset({Origin.MISSED_TWICE, Origin.MILESTONE})


class About(LabeledEnum):
    """What an order is about."""

    UNIT = "unit", "单位"
    PERSON = "person", "人员"
    PROJECT = "project", "项目"
    PROBLEM = "problem", "问题"


class EntryKind(LabeledEnum):
    """What happened to an order."""

    DRAFTED = "drafted", "拟稿"
    CHANGED = "changed", "修改"
    NOTED = "noted", "系统记录"
    ISSUED = "issued", "下达"
    DROPPED = "dropped", "不予下达"
    RECEIVED = "received", "签收"
    PROGRESS = "progress", "进展"
    EXTENSION_ASKED = "extension_asked", "申请延期"
    EXTENSION_GRANTED = "extension_granted", "同意延期"
    EXTENSION_REFUSED = "extension_refused", "不同意延期"
    ESCALATED = "escalated", "逾期提级"
    ANSWERED = "answered", "反馈"
    RETURNED = "returned", "退回续办"
    ACCEPTED = "accepted", "销号"


def due_on(kind: OrderKind, issued_on: date, calendar: WorkingCalendar) -> date:
    """The last day for the answer: 3 working days, 15 or 30 days after the issue (REGIME 5)."""
    return DUE[kind].after(issued_on, calendar)


def days_overdue(state: OrderState, due: date | None, today: date) -> int:
    """Calendar days past the due date while the leading unit is to act; else 0."""
    if state not in WORKING or due is None:
        return 0
    return max((today - due).days, 0)


def may_ask_extension(due: date, today: date) -> bool:
    """Whether it is still before the due date; else the first date stands (REGIME 5)."""
    return today < due


def escalates_on(due: date, escalated_on: date | None, calendar: WorkingCalendar) -> date:
    """The next date of escalation: the day after the due date, then every 3 working days.

    Escalations for an earlier due date do not count once there is a later one.
    """
    if escalated_on is None or escalated_on <= due:
        return due + DAY
    return calendar.nth_workday_after(escalated_on, WORKDAYS_A_LEVEL)


def next_level(
    chain: Sequence[int], reached: int | None, held: Collection[int]
) -> tuple[int, int] | None:
    """The next level up and its unit; `None` once the top has been reached.

    `chain` leads from the leading unit to the top; units in which nobody oversees are skipped.
    An order that the top leads is escalated to the top itself.
    """
    begin = chain.index(reached) + 1 if reached in chain else min(1, len(chain) - 1)
    return next(
        ((place, chain[place]) for place in range(begin, len(chain)) if chain[place] in held),
        None,
    )


def number_text(code_word: str, year: int, number: int) -> str:
    """The number of an order as printed on documents: `开督〔2026〕3号`."""
    return f"{code_word}〔{year}〕{number}号"


# The office's word and the year may be left out; brackets are typed in any form.
_NUMBER = re.compile(r"(?:\D*?[〔\[(（](\d{4})[〕\])）])?\s*第?(\d{1,6})号?")


def number_of(text: str) -> tuple[int | None, int | None]:
    """The year and the number that a text contains; both `3号` and `开督〔2026〕3号` contain 3."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        return None, None
    return int(match[1]) if match[1] else None, int(match[2])
