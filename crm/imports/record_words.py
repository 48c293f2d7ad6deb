"""The words by which bureaus name the columns of tables of records (ENTRY 6)."""

from collections.abc import Mapping

from crm.base.sheets import Column
from crm.base.table_columns import Vocabulary
from crm.followups.fields import FOLLOWUP_COLUMNS
from crm.leads.company_imports import COMPANY_COLUMNS
from crm.leads.contact_imports import CONTACT_COLUMNS
from crm.leads.fields import LEAD_COLUMNS
from crm.people.absence_imports import ABSENCES
from crm.people.rules import AbsenceKind
from crm.people.unit_imports import UNIT_COLUMNS
from crm.results.receipt_columns import RECEIPT_COLUMNS

NUMBER = Column("number", "序号")
DATES = Column("dates", "起止日期")  # both dates of an absence in one cell
_COMPANY = (
    *("企业名称", "公司名称", "企业", "公司", "客商", "客商名称", "企业全称", "投资企业"),
    *("投资方名称", "投资主体", "投资单位", "客户", "客户名称"),
)
_PHONE = (
    *("联系电话", "电话", "手机", "手机号", "手机号码", "联系方式", "联系人电话", "电话号码"),
    "移动电话",
)
_NUMBER = {"number": ("序", "No.", "No", "编次", "行号")}
_LEAD = ("项目名称", "项目", "线索", "线索名称", "项目线索", "线索编号", "在谈项目")

_LEADS = {
    "title": (
        "项目名称",
        "项目",
        "线索名称",
        "线索",
        "在谈项目",
        "意向项目",
        "拟建项目",
        "项目线索",
    ),
    "company": _COMPANY,
    "credit_code": ("社会信用代码", "信用代码", "统一信用代码"),
    "stage": ("项目阶段", "当前阶段", "目前阶段", "推进阶段", "所处阶段"),
    "industry": ("产业类别", "所属产业", "行业", "所属行业", "产业方向", "行业类别", "产业类型"),
    "park": ("园区", "意向园区", "拟落户园区", "落户载体", "选址", "意向选址"),
    "source": ("信息来源", "项目来源", "来源", "招引方式", "来源渠道"),
    "amount": (
        *("总投资额", "投资额", "投资总额", "计划总投资", "拟投资额", "投资规模", "计划投资"),
        *("计划投资额", "预计投资", "预计总投资", "项目投资额", "投资金额"),
    ),
    "unit": ("牵头单位", "承接单位", "跟踪单位", "招引单位", "责任部门", "牵头部门"),
    "tracker": (
        *("责任人", "跟踪人", "跟进人", "联络员", "招商专员", "招商人员", "项目负责人"),
        *("经办人", "具体负责人", "项目专员", "跟踪责任人姓名"),
    ),
    "leader": ("挂联领导", "分管领导", "牵头领导", "责任领导", "包保领导", "挂钩领导姓名"),
    "contact": ("企业联系人", "对方联系人", "联系人姓名", "企业负责人", "对接人"),
    "contact_phone": _PHONE,
    "contact_position": ("职务", "职位", "对方职务"),
    "entered_on": (
        *("登记日期", "登记时间", "录入时间", "获取时间", "信息获取时间", "首次接洽时间"),
        *("接洽时间", "首谈时间", "获取日期"),
    ),
    "note": (
        *("项目概况", "项目简介", "建设内容", "主要建设内容", "项目内容", "进展情况", "项目进展"),
        *("目前进展", "最新进展", "项目情况", "说明"),
    ),
    "fixed_assets": ("固定资产投资额", "固投"),
    "group": ("集团", "母公司", "集团公司"),
    "assisting_units": ("配合单位", "协助单位", "协办部门"),
    **_NUMBER,
}
_COMPANIES = {
    "name": _COMPANY,
    "credit_code": ("社会信用代码", "信用代码", "统一信用代码"),
    "group": ("集团", "母公司", "集团公司", "所属集团公司"),
    "country": ("国别", "国家", "地区", "国别地区", "国家/地区", "所在国家"),
    "aliases": ("简称", "曾用名", "又名", "企业简称"),
    **_NUMBER,
}
_CONTACTS = {
    "company": (*_COMPANY, "单位", "单位名称", "所在企业", "所在单位"),
    "name": ("联系人", "联系人姓名", "企业联系人", "对接人"),
    "position": ("职位", "联系人职务", "职务职称"),
    "phone": _PHONE,
    "email": ("电子邮箱", "电子邮件", "邮件", "邮箱地址"),
    **_NUMBER,
}
_FOLLOWUPS = {
    "lead": _LEAD,
    "person": ("责任人姓名", "负责人", "跟进人", "经办人", "跟踪责任人", "跟踪人", "承办人"),
    "due_at": (
        *("完成时限", "时限", "办结时限", "截止日期", "截止时间", "到期日期", "到期日"),
        *("计划完成时间", "要求完成时间", "应办结日期", "下次跟进时间"),
    ),
    "what": (
        *("跟进事项", "跟进内容", "待办事项", "工作事项", "工作内容", "任务", "下一步工作"),
        *("下步工作", "下一步计划", "下一步举措", "需办事项", "主要事项"),
    ),
    "done_at": ("办结日期", "完成时间", "完成日期", "实际完成时间"),
    "result": ("办理结果", "完成情况", "跟进结果", "办理情况", "落实情况"),
    "repeat": ("重复周期", "频次"),
    **_NUMBER,
}
_UNITS = {
    "name": ("单位", "名称", "部门", "部门名称", "机构名称", "科室", "单位全称", "机构"),
    "parent": ("上级", "上级部门", "主管单位", "隶属单位", "所属单位", "上级机构", "主管部门"),
    "kind": ("单位类型", "单位性质", "机构类型", "性质"),
    "code": ("单位编号", "代码", "单位代码", "机构代码"),
    **_NUMBER,
}
_ABSENCES = {
    "username": ("姓名", "人员", "人员姓名", "请假人", "请假人员", "名字", "用户名", "登录名"),
    "from": ("起始日期", "开始时间", "起始时间", "请假开始日期", "起"),
    "to": ("截止日期", "结束时间", "终止日期", "截止时间", "请假结束日期", "止"),
    "dates": (
        "起止时间",
        "请假时间",
        "请假日期",
        "起讫日期",
        "起讫时间",
        "请假起止时间",
        "日期",
        "时间",
    ),
    "reason": ("请假事由", "请假原因", "原因", "说明", "备注"),
    "kind": ("请假类别", "请假类型", "请假种类", "假别", "假期类型", "类型", "缺勤类别"),
    **_NUMBER,
}
_RECEIPTS = {
    "lead": (*_LEAD, *_COMPANY),
    "arrived_on": (
        *("到账时间", "到资时间", "到资日期", "到位时间", "到位日期", "入账日期", "入账时间"),
        "资金到账时间",
    ),
    "amount": (
        *("到账金额", "到资金额", "到位金额", "到位资金", "到账资金", "实际到资", "实到资金"),
        "到位资金额",
    ),
    "form": ("形式", "资金形式", "资金类型", "资金类别", "到资类型", "资金性质"),
    "payer": ("付款单位", "汇款单位", "汇款方", "出资方", "付款人", "出资单位"),
    "account_tail": ("账号后四位",),
    "note": ("备注",),
    **_NUMBER,
}


def _vocabulary(
    columns: tuple[Column, ...], words: Mapping[str, tuple[str, ...]], example: str
) -> Vocabulary:
    read = [column for column in columns if not column.shown_only]
    return Vocabulary((*read, NUMBER), words, example=example)


VOCABULARIES = {
    "leads": _vocabulary(LEAD_COLUMNS, _LEADS, "“项目名称”“投资方”“总投资”"),
    "companies": _vocabulary(COMPANY_COLUMNS, _COMPANIES, "“企业名称”“信用代码”“所属集团”"),
    "contacts": _vocabulary(CONTACT_COLUMNS, _CONTACTS, "“企业名称”“联系人”“电话”"),
    "followups": _vocabulary(FOLLOWUP_COLUMNS, _FOLLOWUPS, "“项目名称”“责任人”“完成时限”“事项”"),
    "units": _vocabulary(UNIT_COLUMNS, _UNITS, "“单位名称”“上级单位”"),
    "absences": _vocabulary((*ABSENCES, DATES), _ABSENCES, "“姓名”“起止日期”“事由”"),
    "receipts": _vocabulary(RECEIPT_COLUMNS, _RECEIPTS, "“项目名称”“到账日期”“金额”"),
}
_KINDS = {
    AbsenceKind.LEAVE: ("年假", "年休假", "事假", "婚假", "产假", "公休", "请假", "探亲假", "调休"),
    AbsenceKind.SICK: ("生病", "住院"),
    AbsenceKind.TRAINING: ("学习", "参训", "党校学习", "脱产培训"),
    AbsenceKind.SECONDMENT: ("挂职", "抽调", "跟班学习"),
    AbsenceKind.OTHER_DUTY: ("其他", "公务", "专项工作", "出差"),
}
ABSENCE_WORDS = {word: kind.label for kind, words in _KINDS.items() for word in words}
