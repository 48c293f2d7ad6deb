"""States, dates and conditions of problems (困难问题) that hold a project up (PROJECTS 5). Pure."""

from collections.abc import Sequence
from datetime import date, timedelta

from crm.base.enums import LabeledEnum
from crm.base.periods import DAY
from crm.base.workdays import WorkingCalendar
from crm.base.workflow import Within

TAKE_WITHIN = Within(workdays=2)
MOST_PASSES = 2  # the third owner is named by an officer
WORKDAYS_TO_ORDER = 3  # overdue for so long, a problem becomes a supervision order
USUAL_TERM = 15 * DAY  # what the form proposes


class ProblemState(LabeledEnum):
    """How far a problem has come."""

    RAISED = "raised", "待受理"
    PASSED_ON = "passed_on", "转办待受理"
    TAKEN = "taken", "办理中"
    SOLVED = "solved", "已解决待确认"
    CLOSED = "closed", "已销号"
    SHELVED = "shelved", "暂缓"
    WITHDRAWN = "withdrawn", "已撤回"


UNTAKEN = frozenset({ProblemState.RAISED, ProblemState.PASSED_ON})
# The owner has to act; only in these states is a problem overdue.
WORKING = UNTAKEN | {ProblemState.TAKEN}
OVER = frozenset({ProblemState.CLOSED, ProblemState.WITHDRAWN})


class EntryKind(LabeledEnum):
    """What happened to a problem."""

    RAISED = "raised", "提出"
    TAKEN = "taken", "受理"
    PASSED_ON = "passed_on", "转办"
    REFERRED = "referred", "提请统筹单位明确"
    ASSIGNED = "assigned", "明确承办单位"
    PROGRESS = "progress", "进展"
    SOLVED = "solved", "报送已解决"
    RETURNED = "returned", "退回续办"
    CLOSED = "closed", "销号"
    SHELVED = "shelved", "暂缓"
    RESUMED = "resumed", "恢复办理"
    WITHDRAWN = "withdrawn", "撤回"
    NAMED = "named", "指定办理人"
    NOTED = "noted", "系统记录"


def days_overdue(state: ProblemState, due_on: date, today: date) -> int:
    """Calendar days past the due date while the owner has to act; else 0."""
    return max((today - due_on).days, 0) if state in WORKING else 0


def is_untaken_late(state: ProblemState, take_by: date | None, today: date) -> bool:
    """Whether nobody took it within the two working days."""
    return state in UNTAKEN and take_by is not None and take_by < today


def orders_from(due_on: date, calendar: WorkingCalendar) -> date:
    """From when on the clock drafts an order: three working days after it became overdue."""
    return calendar.nth_workday_after(due_on + DAY, WORKDAYS_TO_ORDER)


def due_after_break(due_on: date, shelved_on: date, back_on: date) -> date:
    """The due date of a problem that is taken up again: the days on the shelf do not count."""
    return due_on + max(back_on - shelved_on, timedelta())


def median_days(days: Sequence[int]) -> float | None:
    """The middle of the days; of two middles their mean."""
    if not days:
        return None
    ordered, middle = sorted(days), len(days) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
