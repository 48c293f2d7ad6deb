"""Chinese labels of jobs: purpose, schedule and results."""

import json
from collections.abc import Mapping, Sequence
from datetime import date

from crm.base import formatting
from crm.base.clock import civil_date
from crm.base.periods import Period, PeriodKind
from crm.jobs import timetable
from crm.jobs.models import JobRun, RunState
from crm.jobs.timetable import Job, JobName, Slot

WHAT_FOR: Mapping[str, str] = {
    JobName.WEEKLY_DIGEST: "汇总上周达标情况和本周计划，发送给接收人",
    JobName.MONTHLY_DIGEST: "汇总上月达标情况，发送给接收人",
    JobName.MORNING_BRIEF: "向本人发送当天的拜访、到期的跟进和新增线索",
    JobName.TEN_DAY: "将未办结的督办、逾期的节点和有风险的任务报送督查人员和领导",
    JobName.NUDGE: "提醒进度落后的人员；已无法达标的，通知督查人员",
    JobName.AUDIT_SEAL: "封存前一天的操作记录，此后的改动均可查出",
    JobName.ASSESS: "周期结束后，按当时的登记核算",
    JobName.FREEZE: "补录期满后定稿，此后的修改另行生成更正",
    JobName.ESCALATE: "节点逾期的拟督办单，督办单逾期的逐级通知，驻城逾期未办结的通知督查人员",
    JobName.RETENTION: "清理超过保存期限的登录会话、邮件正文和导入文件，列出待确认删除的联系人",
    JobName.SETTLED_FIGURES: "月度定稿后，将数据变化和领导月点评发送给月报接收人",
}
_EVERY = {
    None: "每天",
    PeriodKind.WEEK: "每周",
    PeriodKind.XUN: "每旬",
    PeriodKind.MONTH: "每月",
    PeriodKind.QUARTER: "每季度",
    PeriodKind.YEAR: "每年",
}
# By the function that finds the date, as the timetable names it.
_DUE: Mapping[object, str] = {
    timetable.that_workday: "的工作日",
    timetable.day_after: "结束后的次日",
    timetable.that_day: " 1 日",
    timetable.first_workday_of: "第一天起的首个工作日",
    timetable.first_workday_after: "结束后的首个工作日",
    timetable.day_of_freeze: "结束后第 3 个工作日的次日",
    timetable.second_workday_from_freeze: "定稿起第 2 个工作日",
}
# By the counter that a job reports; one without words here is shown by its name.
MADE: Mapping[str, str] = {
    "assessed": "核算 {} 项",
    "cleared_imports": "清除导入 {} 次",
    "cleared_mails": "清除邮件正文 {} 封",
    "cleared_sessions": "删除登录会话 {} 个",
    "contacts": "待确认删除的联系人 {} 位",
    "corrections": "更正 {} 条",
    "drafts": "拟督办单草稿 {} 份",
    "empty": "{} 人无内容未发送",
    "entries": "封存 {} 条",
    "escalated": "提级 {} 份",
    "succeeded": "接续限知线索 {} 条",
    "fallen": "停用账号名下转出 {} 项",
    "frozen": "定稿 {} 项",
    "results": "成果定稿 {} 项",
    "to_review": "请复核 {} 封",
    "kept": "存档 {} 封",
    "lapsed": "通知逾期未办结的驻城 {} 次",
    "made": "生成 {} 封",
    "mails": "发送 {} 封",
    "reminders": "提醒 {} 项",
    "supervisors": "通知督查人员 {} 次",
    "told": "通知 {} 人次",
    "undrafted": "{} 个逾期节点没有责任单位或没有可经办的人，未拟稿",
    "unchanged": "{} 人无变化未发送",
}
TONES = {
    RunState.DONE: "good",
    RunState.RUNNING: "warn",
    RunState.SKIPPED: "warn",
    RunState.FAILED: "bad",
}


def when(jobs: Sequence[Job]) -> str:
    """When the jobs of one name are due: one sentence for all their cycles."""
    # jobs of one name differ in their cycle alone
    first = jobs[0]
    every = "、".join(_EVERY[job.cycle] for job in jobs)
    due = _DUE.get(first.due_on, "")
    if first.cycle is None:
        every, due = ("每个工作日", "") if first.due_on is timetable.that_workday else (every, "")
    return f"{every}{due} {first.at:%H:%M}"


def slot_name(name: str) -> str:
    """What a slot is about: a period or a date."""
    try:
        return formatting.period_name(Period.parse(name))
    except ValueError:
        # the slot of a daily job has the name of its date
        on = date.fromisoformat(name)
        return f"{on.year}年{formatting.day(on)}"


def slot_label(slot: Slot) -> str:
    """What a slot is about and when it is due; only the moment where it is about that day."""
    due = formatting.moment(slot.due_at)
    if slot.name == civil_date(slot.due_at).isoformat():
        return due
    return f"{slot_name(slot.name)}，{due}"


def made(counts: Mapping[str, int]) -> str:
    """What a slot made."""
    parts = [MADE.get(name, name + " {}").format(count) for name, count in counts.items() if count]
    return "，".join(parts) or "无需执行"


def made_by(run: JobRun) -> str:
    """What a run made; empty where nothing was recorded."""
    return made(json.loads(run.made)) if run.made else ""
