"""The words of the audit trail: what was done, to what, and which part of it."""

from collections.abc import Mapping

from crm.base.money import Currency
from crm.base.outbox import State
from crm.base.words import Word
from crm.leads.rules import LeadRoleKind, MilestoneKind, Secrecy, Stage
from crm.people.rules import AbsenceKind, Duty, Role
from crm.targets.rules import Metric, TargetMeasure, Tier
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
    "posting.added": "添加任职",
    "posting.changed": "修改任职",
    "absence.approved": "批准缺勤",
    "session.begun": "登录",
    "session.ended": "退出登录",
    "message.sent_by_hand": "手工发送邮件",
    "correction.signed": "签认更正",
    "correction.explained": "说明更正",
    "target.added": "设定年度目标",
    "target.changed": "修改年度目标",
    "target.removed": "删除年度目标",
    "comment.written": "写月点评",
    "audit.sealed": "封存操作记录",
    "audit.purged": "清理操作记录",
}

SUBJECTS: Mapping[str, str] = {
    "visit": "拜访",
    "lead": "线索",
    "followup": "跟进",
    "person": "人员",
    "posting": "任职",
    "absence": "缺勤",
    "login_session": "登录",
    "message": "邮件",
    "correction": "更正",
    "target": "年度目标",
    "monthly_comment": "月点评",
    "audit_seal": "日封存",
}

# Subjects whose entries say nothing of a lead; what is neither here nor led back to leads in
# `audit_secrecy` stays hidden, so that a new subject cannot show a restricted lead by oversight.
WITHOUT_LEADS = frozenset(
    {
        *("person", "posting", "absence", "login_session", "message", "audit_seal"),
        *("unit", "rule", "target"),
    }
)

FIELDS: Mapping[str, str] = {
    "action": "操作",
    "address": "来源",
    "amount": "总投资",
    "before": "此日期之前",
    "channel": "方式",
    "city": "城市",
    "code_name": "代号",
    "company": "投资方",
    "company_id": "投资方编号",
    "count": "项目数",
    "currency": "币种",
    "due_on": "期限",
    "duty": "职务类别",
    "email": "邮箱",
    "ends_at": "结束时间",
    "entered_on": "录入日期",
    "entries": "条数",
    "earlier_id": "前期项目",
    "first_on": "首日",
    "from": "起",
    "from_on": "起",
    "hash": "校验值",
    "held": "任职人",
    "industry": "产业",
    "kind": "类型",
    "last_on": "末日",
    "lead_id": "线索",
    "lead_ids": "线索",
    "leader_id": "带队人",
    "logged_at": "登记时间",
    "measure": "怎么算",
    "met": "会见",
    "metric": "指标",
    "minutes": "洽谈纪要",
    "month": "月份",
    "name": "姓名",
    "next_id": "下一项跟进",
    "next_step": "下一步",
    "note": "备注",
    "on": "日期",
    "park_id": "落户园区",
    "participant_ids": "参加人",
    "person": "人员",
    "person_id": "责任人",
    "phone": "电话",
    "position": "职务或位置",
    "reason": "原因",
    "ref": "编号",
    "result": "结果",
    "role": "角色",
    "sealed_on": "封存日",
    "secrecy": "知悉范围",
    "source": "线索来源",
    "stage": "阶段",
    "starts_at": "开始时间",
    "state": "状态",
    "status": "状态",
    "text": "内容",
    "tier": "项目规模",
    "title": "名称",
    "to": "止",
    "to_on": "止",
    "trip": "批次",
    "unit": "单位",
    "unit_id": "单位",
    "username": "账号",
    "verdict": "核实",
    "what": "事项",
    "year": "年度",
}

_ALIKE: Mapping[str, type[Word]] = {
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
    ("target", "measure"): TargetMeasure,
    ("target", "metric"): Metric,
    ("target", "tier"): Tier,
}

PEOPLE = frozenset({"leader_id", "person_id", "participant_ids", "entered_by_id"})
UNITS = frozenset({"unit_id", "park_id"})
LEADS = frozenset({"lead_id", "lead_ids", "earlier_id"})


def word_of(subject: str, field: str, value: str) -> str:
    """The Chinese name of a code; the value itself where it is none."""
    words = _OWN.get((subject, field)) or _ALIKE.get(field)
    try:
        return words(value).label if words else value
    except ValueError:
        return value
