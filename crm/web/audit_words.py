"""The words of the audit trail: what was done, to what, and which part of it."""

from collections.abc import Mapping

from crm.base.money import Currency
from crm.base.outbox import MessageKind, State
from crm.base.words import Word
from crm.leads.rules import LeadRoleKind, MilestoneKind, Secrecy, Stage
from crm.people.rules import AbsenceKind, Duty, Role
from crm.supervision.rules import About, OrderKind, Origin
from crm.people.rules import AbsenceKind, AbsenceStatus, Duty, Role, UnitKind
from crm.visits.rules import Channel, Kind, Status, Verdict

ACTIONS: Mapping[str, str] = {
    "visit.logged": "登记拜访",
    "visit.changed": "修改拜访",
    "visit.done": "完成拜访",
    "visit.moved": "拜访改期",
    "visit.cancelled": "取消拜访",
    "visit.confirmed": "确认拜访",
    "visit.rejected": "退回拜访",
    "visit.imported": "导入拜访",
    "lead.added": "录入线索",
    "lead.changed": "修改线索",
    "lead.reached": "推进阶段",
    "lead.milestone_corrected": "更正节点",
    "lead.milestone_withdrawn": "撤回节点",
    "lead.role_given": "指定分工",
    "lead.role_ended": "结束分工",
    "followup.added": "添加跟进",
    "followup.changed": "修改跟进",
    "followup.finished": "办结跟进",
    "person.added": "添加人员",
    "person.changed": "修改人员",
    "person.password_set": "设置密码",
    "person.mails_chosen": "修改邮件设置",
    "person.disabled": "停用账号",
    "person.enabled": "恢复账号",
    "person.signed_out": "退出全部登录",
    "posting.added": "添加任职",
    "posting.changed": "修改任职",
    "posting.removed": "删除任职",
    "unit.added": "添加单位",
    "unit.changed": "修改单位",
    "absence.asked": "提出请假",
    "absence.approved": "批准请假",
    "absence.returned": "退回请假",
    "absence.withdrawn": "撤回请假",
    "absence.shortened": "缩短请假",
    "absence.cancelled": "取消请假",
    "session.begun": "登录",
    "session.ended": "退出登录",
    "message.sent_by_hand": "手工发送邮件",
    "correction.signed": "签认更正",
    "correction.explained": "说明更正",
    "lead.milestone_planned": "计划节点",
    "order.drafted": "拟稿督办单",
    "order.changed": "修改督办单",
    "order.issued": "下达督办单",
    "order.dropped": "不予下达督办单",
    "order.received": "签收督办单",
    "order.progress": "填报督办进展",
    "order.extension_asked": "申请督办延期",
    "order.extension_granted": "同意督办延期",
    "order.extension_refused": "不同意督办延期",
    "order.escalated": "督办逾期提级",
    "order.answered": "反馈督办单",
    "order.returned": "退回督办单",
    "order.accepted": "督办单销号",
    "audit.sealed": "封存操作记录",
    "audit.purged": "清理操作记录",
}

SUBJECTS: Mapping[str, str] = {
    "visit": "拜访",
    "lead": "线索",
    "followup": "跟进",
    "person": "人员",
    "posting": "任职",
    "absence": "请假",
    "unit": "单位",
    "login_session": "登录",
    "message": "邮件",
    "correction": "更正",
    "supervision_order": "督办单",
    "audit_seal": "日封存",
}

# Subjects whose entries say nothing of a lead; what is neither here nor led back to leads in
# `audit_secrecy` stays hidden, so that a new subject cannot show a restricted lead by oversight.
WITHOUT_LEADS = frozenset(
    {"person", "posting", "absence", "login_session", "message", "audit_seal", "unit", "rule"}
)

FIELDS: Mapping[str, str] = {
    "about": "对象",
    "action": "操作",
    "address": "来源",
    "amount": "总投资",
    "asked_due_on": "申请延期至",
    "basis": "销号依据",
    "before": "此日期之前",
    "by_mail": "用邮件接收",
    "channel": "方式",
    "city": "城市",
    "code": "编号",
    "code_name": "代号",
    "company": "投资方",
    "company_id": "投资方编号",
    "currency": "币种",
    "demand": "要求",
    "disabled_at": "停用时间",
    "due_on": "期限",
    "duty": "职务类别",
    "earlier_id": "前期项目",
    "email": "邮箱",
    "ends_at": "结束时间",
    "entered_on": "录入日期",
    "entries": "条数",
    "expires_at": "有效至",
    "first_on": "首日",
    "from": "起",
    "from_on": "起",
    "hash": "校验值",
    "held": "任职人",
    "industry": "产业",
    "is_primary": "主要任职",
    "kind": "类型",
    "last_on": "末日",
    "lead_id": "线索",
    "lead_ids": "线索",
    "leader_id": "带队人",
    "level": "层级",
    "logged_at": "登记时间",
    "matter": "事项",
    "met": "会见",
    "minutes": "洽谈纪要",
    "name": "姓名",
    "next_id": "下一项跟进",
    "next_step": "下一步",
    "note": "备注",
    "number": "文号",
    "officer_id": "经办人",
    "on": "日期",
    "origin": "来由",
    "parent_id": "上级单位",
    "park_id": "落户园区",
    "participant_ids": "参加人",
    "person": "人员",
    "person_id": "责任人",
    "phone": "电话",
    "position": "职务或位置",
    "quiet": "免打扰",
    "reached_unit_id": "提级至",
    "reason": "原因",
    "ref": "编号",
    "result": "结果",
    "role": "角色",
    "sealed_on": "封存日",
    "secrecy": "知悉范围",
    "sessions": "登录数",
    "source": "线索来源",
    "stage": "阶段",
    "starts_at": "开始时间",
    "state": "状态",
    "status": "状态",
    "text": "内容",
    "title": "名称",
    "to": "止",
    "to_on": "止",
    "trip": "批次",
    "unit": "单位",
    "unit_id": "单位",
    "unit_ids": "配合单位",
    "username": "账号",
    "verdict": "核实",
    "what": "事项",
}

_ALIKE: Mapping[str, type[Word]] = {
    "by_mail": MessageKind,
    "channel": Channel,
    "currency": Currency,
    "duty": Duty,
    "secrecy": Secrecy,
    "stage": Stage,
    "state": State,
    "status": Status,
    "verdict": Verdict,
}
_OWN: Mapping[tuple[str, str], type[Word]] = {
    ("visit", "kind"): Kind,
    ("lead", "kind"): MilestoneKind,
    ("lead", "role"): LeadRoleKind,
    ("person", "role"): Role,
    ("absence", "kind"): AbsenceKind,
    ("supervision_order", "kind"): OrderKind,
    ("supervision_order", "about"): About,
    ("supervision_order", "origin"): Origin,
}

PEOPLE = frozenset({"leader_id", "person_id", "participant_ids", "entered_by_id", "officer_id"})
UNITS = frozenset({"unit_id", "unit_ids", "park_id", "reached_unit_id"})
    ("absence", "status"): AbsenceStatus,
    ("unit", "kind"): UnitKind,
}

PEOPLE = frozenset({"leader_id", "person_id", "participant_ids", "entered_by_id"})
UNITS = frozenset({"unit_id", "park_id", "parent_id"})
LEADS = frozenset({"lead_id", "lead_ids", "earlier_id"})


def word_of(subject: str, field: str, value: str) -> str:
    """The Chinese name of a code; the value itself where it is none."""
    words = _OWN.get((subject, field)) or _ALIKE.get(field)
    try:
        return words(value).label if words else value
    except ValueError:
        return value
