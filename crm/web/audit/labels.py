"""The words of the audit trail: what was done, to what, and which part of it."""

from collections.abc import Mapping

from crm.base.enums import LabeledEnum
from crm.base.fields import FieldKind, Fields
from crm.base.money import Currency
from crm.base.outbox import MessageKind, State
from crm.base.periods import PeriodKind
from crm.followups.fields import FOLLOWUP_FIELDS
from crm.jobs.timetable import JobName
from crm.leads.fields import LEAD_FIELDS
from crm.leads.rules import LeadRoleKind, MilestoneKind
from crm.people.fields import PERSON_FIELDS, POSTING_FIELDS
from crm.people.rules import AbsenceKind, AbsenceStatus, Duty, UnitKind
from crm.quotas.rules import Cap, CountBy, Measure, Proration, Rounding
from crm.supervision.rules import About, OrderKind, Origin
from crm.targets.rules import Metric, TargetMeasure, Tier
from crm.visits.fields import VISIT_FIELDS
from crm.visits.rules import Channel, Kind, Status

ACTIONS: Mapping[str, str] = {
    "visit.logged": "登记拜访",
    "visit.changed": "修改拜访",
    "visit.done": "办结拜访",
    "visit.moved": "拜访改期",
    "visit.cancelled": "取消拜访",
    "visit.restored": "恢复拜访",
    "visit.undone": "撤销对拜访的操作",
    "visit.confirmed": "确认拜访",
    "visit.rejected": "退回拜访",
    "visit.left": "同行人说明未参加",
    "visit.imported": "导入拜访",
    "visit.handed_over": "移交拜访",
    "visit.cut": "截断驻城",
    "trip.changed": "修改批次",
    "lead.added": "登记线索",
    "lead.changed": "修改线索",
    "lead.file_added": "添加佐证材料",
    "lead.reached": "推进阶段",
    "lead.milestone_corrected": "更正节点",
    "lead.milestone_withdrawn": "撤回节点",
    "lead.role_given": "指定分工",
    "lead.role_ended": "结束分工",
    "company.changed": "修改企业",
    "company.contact_changed": "修改企业联系人",
    "lead.succeeded": "接续限知线索",
    "followup.added": "添加跟进",
    "followup.changed": "修改跟进",
    "followup.finished": "办结跟进",
    "followup.reopened": "撤销办结跟进",
    "followup.handed_over": "移交跟进",
    "lead.role_handed_over": "移交分工",
    "order.handed_over": "移交督办单",
    "person.handed_over": "工作交接",
    "person.added": "添加人员",
    "person.changed": "修改人员",
    "person.password_set": "设置密码",
    "person.mails_chosen": "修改邮件设置",
    "person.disabled": "停用账号",
    "person.enabled": "恢复账号",
    "person.wrong_password": "密码输错",
    "person.signed_out": "退出全部登录",
    "posting.added": "添加任职",
    "posting.changed": "修改任职",
    "posting.removed": "删除任职",
    "unit.added": "添加单位",
    "unit.changed": "修改单位",
    "absence.asked": "申请请假",
    "absence.approved": "批准请假",
    "absence.returned": "退回请假",
    "absence.withdrawn": "撤回请假",
    "absence.shortened": "缩短请假",
    "absence.cancelled": "取消请假",
    "entry_grant.given": "授权代录",
    "entry_grant.ended": "结束代录",
    "session.begun": "登录",
    "session.ended": "退出登录",
    "sign_in.unknown_account": "用不存在的账号登录",
    "message.sent_by_hand": "手工发送邮件",
    "rule.added": "添加规则",
    "rule.changed": "修改规则",
    "rule.ended": "调整规则截止日",
    "rule.withdrawn": "撤回规则版本",
    "period.frozen": "周期定稿",
    "correction.signed": "签认更正",
    "correction.explained": "说明更正",
    "lead.milestone_planned": "计划节点",
    "order.drafted": "拟稿督办单",
    "order.changed": "修改督办单",
    "order.issued": "下达督办单",
    "order.dropped": "不予下达督办单",
    "order.received": "签收督办单",
    "order.noted": "补记督办单",
    "order.progress": "登记督办进展",
    "order.extension_asked": "申请督办延期",
    "order.extension_granted": "同意督办延期",
    "order.extension_refused": "不同意督办延期",
    "order.escalated": "督办逾期提级",
    "order.answered": "反馈督办单",
    "order.returned": "退回督办单",
    "order.accepted": "督办单销号",
    "calendar.set": "调整工作日历",
    "calendar.taken_back": "撤回日历调整",
    "calendar.imported": "导入放假安排",
    "job.paused": "暂停定时任务",
    "job.resumed": "恢复定时任务",
    "job.run_by_hand": "手工执行定时任务",
    "target.added": "设定年度目标",
    "target.changed": "修改年度目标",
    "target.removed": "删除年度目标",
    "comment.written": "写月点评",
    "comment.drafted": "保存月点评草稿",
    "comment.released": "发布月点评",
    "audit.sealed": "封存操作记录",
    "audit.purged": "清理操作记录",
}

SUBJECTS: Mapping[str, str] = {
    "company": "企业",
    "visit": "拜访",
    "trip": "出差批次",
    "lead": "线索",
    "followup": "跟进",
    "person": "人员",
    "posting": "任职",
    "absence": "请假",
    "entry_grant": "代录授权",
    "unit": "单位",
    "login_session": "登录",
    "rate_count": "登录尝试",
    "message": "邮件",
    "correction": "更正",
    "supervision_order": "督办单",
    "rule": "考核规则",
    "target": "年度目标",
    "monthly_comment": "月点评",
    "audit_seal": "日封存",
    "workday_override": "工作日历",
    "job_pause": "定时任务",
    "job_run": "定时任务的一期",
}

# The records whose fields are declared, by the subject of their entries.
RECORDS: Mapping[str, Fields] = {
    "visit": VISIT_FIELDS,
    "lead": LEAD_FIELDS,
    "followup": FOLLOWUP_FIELDS,
    "person": PERSON_FIELDS,
    "posting": POSTING_FIELDS,
}
# What else entries name, and what several subjects call alike.
FIELDS: Mapping[str, str] = {
    "about": "对象",
    "action": "操作",
    "address": "来源",
    "agent_id": "代录人",
    "aliases": "别名",
    "amount": "总投资",
    "approval": "批准文号",
    "asked_due_on": "申请延期至",
    "basis": "销号依据",
    "before": "此日期之前",
    "by_mail": "用邮件接收",
    "cap": "天数上限",
    "channel": "方式",
    "channels": "计入方式",
    "code": "编号",
    "contact": "联系人",
    "count": "项目数",
    "count_by": "计数",
    "country": "国家或地区",
    "credit_code": "统一社会信用代码",
    "currency": "币种",
    "days": "天数",
    "demand": "要求",
    "destination": "目的地",
    "due_on": "期限",
    "duty": "职务类别",
    "email": "邮箱",
    "entered_for_id": "代录对象",
    "entries": "条数",
    "expires_at": "有效至",
    "failures": "当日次数",
    "file": "材料",
    "first_on": "开始日期",
    "from": "起",
    "from_on": "起",
    "group_name": "所属集团",
    "hash": "校验值",
    "held": "任职人",
    "inspects": "负责督查考核",
    "coordinates": "统筹单位",
    "is_workday": "上班",
    "job": "任务",
    "kind": "类型",
    "kinds": "计入类型",
    "last_on": "结束日期",
    "lead_id": "线索",
    "level": "层级",
    "log_within_days": "办结期限（天）",
    "stay_within_days": "驻城补录期限（天）",
    "matter": "事项",
    "measure": "考核内容",
    "metric": "指标",
    "minimum": "至少",
    "month": "月份",
    "name": "姓名或名称",
    "note": "备注",
    "number": "文号",
    "officer_id": "经办人",
    "on": "日期",
    "origin": "来由",
    "owner_id": "为谁代录",
    "parent_id": "上级单位",
    "people": "接手人",
    "period": "周期",
    "frozen_period": "定稿周期",
    "person": "人员",
    "person_id": "责任人",
    "phone": "电话",
    "position": "排序",
    "proration": "折算",
    "quiet": "免打扰",
    "reached_unit_id": "提级至",
    "reason": "原因",
    "ref": "编号",
    "released_at": "发布时间",
    "rest_days": "改为休息的日期",
    "rest_of": "接续",
    "result": "结果",
    "role": "角色",
    "rounding": "取整",
    "sealed_on": "封存日",
    "sessions": "登录数",
    "sha256": "校验值（SHA-256）",
    "size": "大小（字节）",
    "slot": "期次",
    "state": "状态",
    "status": "状态",
    "text": "内容",
    "tier": "项目规模",
    "title": "名称",
    "to": "止",
    "to_on": "止",
    "unit": "单位",
    "unit_id": "单位",
    "unit_ids": "配合单位",
    "username": "账号",
    "valid_from": "适用开始日期",
    "valid_to": "适用结束日期",
    "what": "事项",
    "workdays": "改为上班的日期",
    "year": "年度",
}

# Fields whose codes mean the same in every subject.
_ALIKE: Mapping[str, type[LabeledEnum]] = {
    "by_mail": MessageKind,
    "cap": Cap,
    "channel": Channel,
    "channels": Channel,
    "count_by": CountBy,
    "currency": Currency,
    "duty": Duty,
    "job": JobName,
    "measure": Measure,
    "proration": Proration,
    "rounding": Rounding,
    "state": State,
    "status": Status,
}
# Fields whose codes depend on the subject; read before the others.
_OWN: Mapping[tuple[str, str], type[LabeledEnum]] = {
    ("lead", "kind"): MilestoneKind,
    ("lead", "role"): LeadRoleKind,
    ("absence", "kind"): AbsenceKind,
    ("supervision_order", "kind"): OrderKind,
    ("supervision_order", "about"): About,
    ("supervision_order", "origin"): Origin,
    ("absence", "status"): AbsenceStatus,
    ("unit", "kind"): UnitKind,
    ("rule", "kinds"): Kind,
    ("rule", "period"): PeriodKind,
    ("target", "measure"): TargetMeasure,
    ("target", "metric"): Metric,
    ("target", "tier"): Tier,
}


def _of_kinds(*kinds: FieldKind) -> frozenset[str]:
    declared = (field for fields in RECORDS.values() for field in fields.values())
    return frozenset(field.name for field in declared if field.kind in kinds)


# The fields that hold ids, by what the ids are of.
PEOPLE = _of_kinds(FieldKind.PERSON, FieldKind.PEOPLE) | {
    "agent_id",
    "entered_by_id",
    "entered_for_id",
    "officer_id",
    "owner_id",
    "people",
}
UNITS = _of_kinds(FieldKind.UNIT) | {"unit_ids", "parent_id", "reached_unit_id"}


def label_of(subject: str, field: str) -> str:
    """The Chinese name of a field; its own name where it has none."""
    declared = RECORDS.get(subject, {}).get(field)
    return declared.label if declared else FIELDS.get(field, field)


def word_of(subject: str, field: str, value: str) -> str:
    """The Chinese name of a code; the value itself where it is none."""
    declared = RECORDS.get(subject, {}).get(field)
    words = (declared and declared.choices) or _OWN.get((subject, field)) or _ALIKE.get(field)
    try:
        return words(value).label if words else value
    except ValueError:
        return value
