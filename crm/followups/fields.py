"""The fields of a follow-up."""

from crm.base.fields import Field, FieldKind, columns_of, declared
from crm.base.sheets import Column
from crm.followups.rules import Repeat
from crm.visits.rules import Channel

# In the order of the columns of a file.
FOLLOWUP_FIELDS = declared(
    Field("ref", "编号", columns=(Column("ref", "编号"),)),
    Field(
        "lead_id",
        "线索",
        FieldKind.LEAD,
        columns=(Column("lead", "线索"), Column("lead_title", "线索名称", shown_only=True)),
        in_form=True,
        form_label="项目线索",
    ),
    Field(
        "person_id",
        "责任人",
        FieldKind.PERSON,
        columns=(
            Column("person", "责任人"),
            Column("person_name", "责任人姓名", shown_only=True),
        ),
        in_form=True,
    ),
    Field(
        "due_on",
        "期限",
        FieldKind.DATE,
        columns=(Column("due_at", "期限"),),
        in_form=True,
        required="请选择期限。",
    ),
    Field(
        "what",
        "事项",
        columns=(Column("what", "事项"),),
        in_form=True,
        form_label="跟进事项",
        required="请填写跟进事项。",
        longest=500,
    ),
    Field("done_at", "办结时间", FieldKind.MOMENT, columns=(Column("done_at", "办结时间"),)),
    Field(
        "result",
        "结果",
        FieldKind.PROSE,
        columns=(Column("result", "结果"),),
        in_form=True,
        required="请填写结果。",
    ),
    Field("channel", "方式", FieldKind.CHOICE, choices=Channel, in_form=True),
    Field("met", "联系人", in_form=True, longest=500),
    Field(
        "repeat",
        "重复",
        FieldKind.CHOICE,
        columns=(Column("repeat", "重复", "每周三", optional=True),),
        choices=Repeat,
        in_form=True,
    ),
    Field("repeat_number", "间隔天数或每月几日", FieldKind.OTHER, in_form=True),
    Field("next_id", "下一项跟进", FieldKind.OTHER),
)
FOLLOWUP_COLUMNS = columns_of(FOLLOWUP_FIELDS.values())
