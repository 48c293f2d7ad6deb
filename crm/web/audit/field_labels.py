"""The words of the audit trail for the parts of a record: its fields and their codes."""

from collections.abc import Mapping

from crm.audit.record_fields import RECORDS
from crm.base.enums import LabeledEnum
from crm.base.money import Currency
from crm.base.outbox import MessageKind, State
from crm.base.periods import PeriodKind
from crm.bulk_changes.rules import BulkKind
from crm.jobs.timetable import JobName
from crm.leads.catalog_models import CatalogKind, SiteKind
from crm.leads.rules import Agreement, LeadRoleKind
from crm.leads.tiers import Tier
from crm.mailing.channel_rules import ChannelKind
from crm.people.rules import AbsenceKind, AbsenceStatus, Duty, Role, UnitKind
from crm.quotas.rules import Cap, CountBy, Measure, Proration, Rounding
from crm.results.receipt_rules import Line
from crm.results.rules import ClaimKind
from crm.supervision.rules import About, OrderKind, Origin
from crm.targets.rules import Metric, TargetMeasure
from crm.targets.speed import NormUnit
from crm.visits.rules import Channel, Counterpart, Kind, Status

# What else entries name, and what several subjects call alike.
FIELDS: Mapping[str, str] = {
    "about": "对象",
    "again_on": "再研究日期",
    "action": "操作",
    "address": "来源",
    "device_at": "本机填写时间",
    "agent_id": "受托人",
    "aliases": "别名",
    "amount": "总投资",
    "approval": "批准文号",
    "area": "面积",
    "free_from": "可用日期",
    "power": "用电容量",
    "site": "载体",
    "park_id": "园区",
    "asked_due_on": "申请延期至",
    "basis": "销号依据",
    "before": "此日期之前",
    "by_mail": "用邮件接收",
    "cap": "天数上限",
    "channel": "方式",
    "channels": "方式或渠道",
    "host": "主机",
    "url": "地址",
    "is_on": "启用",
    "is_internal": "内部主机",
    "takes_people": "本人可选用",
    "secret": "密钥",
    "answer": "对方应答",
    "claimed_amount": "申报数额",
    "choices": "选项",
    "code": "编号",
    "company_id": "企业",
    "contact": "联系人",
    "kept_until": "保存至",
    "months": "月数",
    "rows": "条数",
    "count": "项目数",
    "counterpart": "对方类型",
    "counts_on": "计入日期",
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
    "ended_at": "停用时间",
    "entered_for_id": "代录对象",
    "entries": "条数",
    "evidence": "佐证要求",
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
    "hint": "填写说明",
    "is_offered": "启用",
    "is_used": "启用",
    "is_workday": "上班",
    "shortest": "密码最短长度",
    "character_kinds": "密码字符种类",
    "bars_common": "禁用常见密码",
    "history": "不重复最近密码（次）",
    "expires_days": "密码有效期（天）",
    "idle_minutes": "无操作退出（分钟）",
    "second_factor_roles": "须两步验证的角色",
    "left": "剩余",
    "path": "页面",
    "job": "任务",
    "kind": "类型",
    "kinds": "计入类型",
    "last_on": "结束日期",
    "lead_id": "线索",
    "lead_ids": "线索",
    "level": "层级",
    "list": "列表",
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
    "owner_id": "委托人",
    "on_behalf_of_id": "代理",
    "parent_id": "上级单位",
    "people": "接手人",
    "period": "周期",
    "frozen_period": "定稿周期",
    "person": "人员",
    "person_id": "责任人",
    "phone": "电话",
    "agreement": "协议类型",
    "look_again_on": "再看日期",
    "steps": "各节点工作日",
    "begin": "起点节点",
    "end": "终点节点",
    "least": "下限",
    "most": "上限",
    "position": "排序",
    "proration": "折算",
    "quiet": "免打扰",
    "rate": "汇率",
    "dollar_rate": "美元汇率",
    "counted_amount": "计入金额",
    "form_id": "到资形式",
    "arrived_on": "到账日期",
    "payer": "付款方",
    "account_tail": "收款账号后四位",
    "reverses_id": "冲减的到资",
    "line": "计入",
    "rate_on": "汇率日期",
    "reached_unit_id": "提级至",
    "reason": "原因",
    "recognised_amount": "认定数额",
    "ref": "编号",
    "released_at": "发布时间",
    "rest_days": "改为休息的日期",
    "rest_of": "接续",
    "result": "结果",
    "role": "角色",
    "round": "申报次数",
    "rounding": "取整",
    "sealed_on": "封存日",
    "sentence": "情形",
    "sessions": "登录数",
    "sha256": "校验值（SHA-256）",
    "size": "大小（字节）",
    "slot": "期次",
    "state": "状态",
    "status": "状态",
    "text": "内容",
    "threshold": "标准",
    "tier": "项目规模",
    "title": "名称",
    "to": "止",
    "to_on": "止",
    "unit": "单位",
    "unit_id": "单位",
    "unit_ids": "配合单位",
    "username": "账号",
    "visit_id": "拜访",
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
    ("lead", "agreement"): Agreement,
    ("bulk_change", "kind"): BulkKind,
    ("speed_span", "unit"): NormUnit,
    ("lead", "role"): LeadRoleKind,
    ("absence", "kind"): AbsenceKind,
    ("catalog_entry", "kind"): CatalogKind,
    ("channel", "kind"): ChannelKind,
    ("channel", "kinds"): MessageKind,
    ("site", "kind"): SiteKind,
    ("supervision_order", "kind"): OrderKind,
    ("claim", "kind"): ClaimKind,
    ("claim_kind", "kind"): ClaimKind,
    ("receipt_form", "line"): Line,
    ("claim_kind_span", "kind"): ClaimKind,
    ("supervision_order", "about"): About,
    ("supervision_order", "origin"): Origin,
    ("absence", "status"): AbsenceStatus,
    ("unit", "kind"): UnitKind,
    ("sign_in_profile", "second_factor_roles"): Role,
    ("visit", "counterpart"): Counterpart,
    ("rule", "kinds"): Kind,
    ("rule", "period"): PeriodKind,
    ("target", "measure"): TargetMeasure,
    ("target", "metric"): Metric,
    ("target", "tier"): Tier,
    ("tier_line", "tier"): Tier,
}


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
