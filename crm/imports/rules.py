"""The states of an import and of its rows, and for how long it can be taken back. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from crm.base.enums import LabeledEnum
from crm.people.rules import WITH_RECORDS, Role

# Bureaus' own tables; the other kinds are files of ours, and people may be either.
VISITS = "visits"
PEOPLE = "people"
LISTS: Mapping[str, str] = {
    VISITS: "拜访",
    "leads": "线索",
    "companies": "企业",
    "contacts": "联系人",
    "followups": "跟进",
    "units": "单位",
    PEOPLE: "人员",
    "absences": "缺勤",
    "receipts": "到资",
}
OF_ADMINS = frozenset({"leads", "companies", "contacts", "followups", "units", PEOPLE, "absences"})
UNDO_WITHIN = timedelta(days=7)
KEPT_FOR = timedelta(days=30)  # a list of one's imports goes back so far
MOST_ROWS = 100_000
MOST_COLUMNS = 200  # each is a choice on the page of columns: 20,000 make it 22 MB
MOST_IN_ROSTER = 1_000  # a zone has some hundred people; all are kept by one request
MOST_AT_ONCE = 1_000  # rows that a request reads and keeps itself; more are left to the clock
# Rows of the first transaction; what it takes decides about the next (crm/jobs/part_size.py).
BATCH = 200
UNDO_BATCH = 40  # a row that is taken back by itself takes some 4 ms of processor time
CHECKED_AT_ONCE = 2_000  # rows that are held as values, and kept in several transactions
CHECK_HOLDS_FOR = timedelta(seconds=15)  # others may change something meanwhile, as beside a form
MOST_UNDONE_AT_ONCE = 100  # by a request itself
LEASE_OF_CHECK = timedelta(minutes=15)  # all rows at once: 100,000 take minutes on a busy machine
LEASE = timedelta(minutes=2)  # of a node that works on an import
MOST_ATTEMPTS = 5  # in a row that bring nothing, after which nobody else is to wait any more
FIRST_WAIT = timedelta(seconds=30)  # before the second attempt


class RunState(LabeledEnum):
    """Where an import stands."""

    SHEET = "sheet", "待选工作表"
    COLUMNS = "columns", "待核对列"
    CHECKING = "checking", "正在检查"
    PREVIEW = "preview", "待确认"
    IMPORTING = "importing", "正在导入"
    DONE = "done", "已导入"
    UNDOING = "undoing", "正在撤销"
    UNDONE = "undone", "已撤销"

    @property
    def is_at_work(self) -> bool:
        """Whether the clock works on it."""
        return self in AT_WORK


AT_WORK = (RunState.CHECKING, RunState.IMPORTING, RunState.UNDOING)
# Nothing of it is a record yet, so that all may be chosen otherwise.
NOT_KEPT = frozenset({RunState.SHEET, RunState.COLUMNS, RunState.CHECKING, RunState.PREVIEW})


class Failure(LabeledEnum):
    """Why an attempt to work on an import brought nothing."""

    DATABASE = "database", "数据库未能写入（繁忙、中断或磁盘已满）"
    FAULT = "fault", "程序出错"
    STOPPED = "stopped", "处理进程中途退出"


class RowState(LabeledEnum):
    """What an import does with a row."""

    NEW = "new", "新增"
    CHANGED = "changed", "修改"
    SAME = "same", "已有"
    REFUSED = "refused", "不能导入"


def may_open(kind: str, role: Role) -> bool:
    """Whether somebody with that role goes on with such an import, or takes one back."""
    return role is Role.ADMIN or (kind not in OF_ADMINS and role in WITH_RECORDS)


def may_undo(finished_at: datetime | None, now: datetime) -> bool:
    """Whether an import can still be taken back."""
    return finished_at is not None and now - finished_at <= UNDO_WITHIN
