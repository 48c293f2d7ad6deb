"""The fields of a lead, and their values as services are given them."""

from collections.abc import Mapping
from dataclasses import field
from datetime import date
from decimal import Decimal

from crm.base.fields import TEXTS, Field, FieldKind, columns_of, declared
from crm.base.money import Currency, Stated
from crm.base.sheets import Column
from crm.base.value_class import value_class
from crm.leads.companies import CompanyData
from crm.leads.contacts import ContactData
from crm.leads.own_fields import OwnValue
from crm.leads.rules import LINE, Agreement, AmountKind, Secrecy, Stage

OTHER_AMOUNTS = tuple(kind for kind in AmountKind if kind is not AmountKind.TOTAL)
# The column with the date of each stage of the line; the first one is entered on `entered_on`.
EXAMPLE_DATES = {Stage.FOLLOWING: "2026-01-12", Stage.NEGOTIATING: "2026-02-10"}
STAGE_DATES: dict[str, Stage] = {f"{stage.value}_on": stage for stage in LINE[1:]}


def _amount(kind: AmountKind) -> Field:
    columns = (
        Column(kind.value, kind.label, optional=True),
        Column(f"{kind.value}_currency", f"{kind.label}币种", optional=True),
    )
    return Field(
        kind.value, kind.label, FieldKind.AMOUNT, columns=columns, in_form=True, is_stored=False
    )


# In the order of the columns of a file.
LEAD_FIELDS = declared(
    Field("ref", "编号", columns=(Column("ref", "编号"),)),
    Field(
        "company",
        "投资方",
        columns=(Column("company", "投资方", "云海科技（江苏）有限公司"),),
        in_form=True,
        form_label="投资方（企业全称）",
        required="请填写投资方。",
        is_stored=False,
    ),
    Field(
        "credit_code",
        "统一社会信用代码",
        columns=(Column("credit_code", "统一社会信用代码"),),
        in_form=True,
    ),
    Field(
        "title",
        "名称",
        columns=(Column("title", "名称", "云海研发中心"),),
        in_form=True,
        form_label="项目名称",
        required="请填写项目名称。",
    ),
    Field(
        "stage", "阶段", FieldKind.CHOICE, choices=Stage, columns=(Column("stage", "阶段", "在谈"),)
    ),
    Field(
        "industry",
        "产业",
        FieldKind.CODE,
        columns=(
            Column("industry", "产业"),
            Column("industry_name", "产业名称", shown_only=True),
        ),
        in_form=True,
    ),
    Field(
        "park_id",
        "落户园区",
        FieldKind.UNIT,
        columns=(Column("park", "落户园区"), Column("park_name", "园区名称", shown_only=True)),
        in_form=True,
    ),
    Field(
        "source", "线索来源", columns=(Column("source", "线索来源", "驻点招商走访"),), in_form=True
    ),
    Field(
        "amount",
        "总投资",
        FieldKind.AMOUNT,
        columns=(Column("amount", "总投资", "12.5亿元"),),
        in_form=True,
    ),
    Field(
        "currency",
        "币种",
        FieldKind.CHOICE,
        choices=Currency,
        columns=(
            Column("currency", "币种", "元"),
            Column("rate", "签约日汇率", shown_only=True),
        ),
    ),
    Field(
        "unit_id",
        "责任单位",
        FieldKind.UNIT,
        columns=(Column("unit", "责任单位"), Column("unit_name", "单位名称", shown_only=True)),
        is_stored=False,
    ),
    Field(
        "tracker_id",
        "跟踪责任人",
        FieldKind.PERSON,
        columns=(
            Column("tracker", "跟踪责任人"),
            Column("tracker_name", "跟踪责任人姓名", shown_only=True),
        ),
        is_stored=False,
    ),
    Field(
        "leader_id",
        "挂钩领导",
        FieldKind.PERSON,
        columns=(
            Column("leader", "挂钩领导"),
            Column("leader_name", "挂钩领导姓名", shown_only=True),
        ),
        is_stored=False,
    ),
    Field(
        "contact",
        "联系人",
        columns=(Column("contact", "联系人", "王先生"),),
        in_form=True,
        is_stored=False,
    ),
    Field(
        "phone",
        "联系电话",
        columns=(Column("contact_phone", "联系电话", "13800000000"),),
        in_form=True,
        is_stored=False,
    ),
    Field(
        "position",
        "联系人职务",
        columns=(Column("contact_position", "联系人职务", "总经理", optional=True),),
        in_form=True,
        is_stored=False,
    ),
    Field(
        "entered_on",
        "登记日期",
        FieldKind.DATE,
        columns=(Column("entered_on", "录入日期", "2026-01-05"),),
    ),
    Field("note", "备注", FieldKind.PROSE, columns=(Column("note", "备注"),), in_form=True),
    # exported, so that a file never makes an open lead of a restricted one
    Field(
        "secrecy",
        "知悉范围",
        FieldKind.CHOICE,
        choices=Secrecy,
        columns=(Column("secrecy", "知悉范围", optional=True),),
        in_form=True,
    ),
    Field("code_name", "代号", columns=(Column("code_name", "代号", optional=True),), in_form=True),
    Field(
        "group_name",
        "所属集团",
        columns=(Column("group", "所属集团", optional=True),),
        in_form=True,
    ),
    Field(
        "project_company",
        "项目公司",
        columns=(Column("project_company", "项目公司", optional=True),),
        in_form=True,
        form_label="项目公司（注册后填写）",
    ),
    Field(
        "project_company_code",
        "项目公司信用代码",
        columns=(Column("project_company_code", "项目公司信用代码", optional=True),),
        in_form=True,
    ),
    Field(
        "assisting_units",
        "协办单位",
        FieldKind.OTHER,
        columns=(
            Column("assisting_units", "协办单位", optional=True),
            Column("assisting_units_name", "协办单位名称", shown_only=True),
        ),
        is_stored=False,
    ),
    Field(
        "sites",
        "推荐载体",
        FieldKind.OTHER,
        columns=(Column("sites", "推荐载体", optional=True),),
        is_stored=False,
    ),
    *(_amount(kind) for kind in OTHER_AMOUNTS),
    Field(
        "stated_on",
        "金额提供日期",
        FieldKind.DATE,
        columns=(Column("stated_on", "金额提供日期", optional=True),),
        in_form=True,
        is_stored=False,
    ),
    Field(
        "earlier_lead_id",
        "前期项目",
        FieldKind.LEAD,
        columns=(Column("earlier", "前期项目", optional=True),),
        in_form=True,
    ),
    Field(
        "milestones",
        "节点日期",
        FieldKind.OTHER,
        columns=(
            *(
                Column(code, f"{stage.label}日期", EXAMPLE_DATES.get(stage, ""), optional=True)
                for code, stage in STAGE_DATES.items()
            ),
            Column("side_milestones", "其他节点", "研判 2026-01-12", optional=True),
        ),
        is_stored=False,
    ),
    Field(
        "plans",
        "节点计划",
        FieldKind.OTHER,
        columns=(Column("plans", "节点计划", "开工 2026-11-30", optional=True),),
        is_stored=False,
    ),
    Field(
        "agreement",
        "协议类型",
        FieldKind.CHOICE,
        choices=Agreement,
        columns=(Column("agreement", "协议类型", optional=True),),
        is_stored=False,
    ),
    Field(
        "stop",
        "搁置或流失",
        FieldKind.OTHER,
        columns=(
            Column("stopped_on", "搁置或流失日期", optional=True),
            Column("stop_reason", "搁置或流失原因", optional=True),
            Column("look_again_on", "再看日期", optional=True),
        ),
        is_stored=False,
    ),
    Field(
        "task_force_head",
        "专班负责人",
        FieldKind.PERSON,
        columns=(
            Column("task_force_head", "专班负责人", optional=True),
            Column("task_force_head_name", "专班负责人姓名", shown_only=True),
        ),
        is_stored=False,
    ),
    Field(
        "task_force",
        "专班成员",
        FieldKind.PEOPLE,
        columns=(
            Column("task_force", "专班成员", optional=True),
            Column("task_force_names", "专班成员姓名", shown_only=True),
        ),
        is_stored=False,
    ),
)
LEAD_COLUMNS = columns_of(LEAD_FIELDS.values())


@value_class(kw_only=True)
class LeadData:
    """A lead as it is to be kept; from `entered_on` down, only when it is added."""

    ref: str = ""
    company: CompanyData
    contact: ContactData | None = None
    title: str
    secrecy: Secrecy = Secrecy.OPEN
    code_name: str | None = None
    project_company: str | None = None
    project_company_code: str | None = None
    industry: str | None = None
    park_id: int | None = None
    source: str | None = None
    amount: Decimal | None = None  # in the currency's unit
    currency: Currency | None = None
    other_amounts: Mapping[AmountKind, Stated | None] | None = None  # none: they stay as they are
    stated_on: date | None = None  # the amounts; none: today
    # by code of the zone's own field; what is left out stays as it is
    own_values: Mapping[str, OwnValue | None] = field(default_factory=dict)
    note: str | None = None
    earlier_lead_id: int | None = None
    entered_on: date | None = None  # none: today
    unit_id: int | None = None  # responsible; none: the unit of whoever enters it
    tracker_id: int | None = None
    leader_id: int | None = None  # attached (挂钩领导)
    informed_id: int | None = None  # the supervisor who stays named as it becomes restricted


# Texts that are kept as they are given; the title and those of the company have rules of their own.
OWN_TEXTS = tuple(
    name
    for name, declared_field in LEAD_FIELDS.items()
    if declared_field.kind in TEXTS
    and declared_field.in_form
    and declared_field.is_stored
    and name in LeadData.__dataclass_fields__
    and name != "title"
)
