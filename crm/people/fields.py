"""The fields of a person and of a posting, which share a file."""

from crm.base.cells import Cells, Email, Line, Phone
from crm.base.fields import Field, FieldKind, columns_of, declared
from crm.base.sheets import Column
from crm.people.rules import Duty, Role

_ACCOUNT = (
    Field(
        "username",
        "账号",
        columns=(Column("username", "账号", "zhaomou"),),
        required="请填写账号。",
        longest=200,
    ),
    Field(
        "name",
        "姓名",
        columns=(Column("name", "姓名", "赵某"),),
        in_form=True,
        required="请填写姓名。",
        longest=200,
    ),
    Field(
        "email",
        "邮箱",
        columns=(Column("email", "邮箱", "zhaomou@example.com"),),
        in_form=True,
        longest=200,
    ),
    Field(
        "phone",
        "电话",
        columns=(Column("phone", "电话", "0513-00000000"),),
        in_form=True,
        longest=200,
    ),
)
_ROLE = Field(
    "role",
    "权限角色",
    FieldKind.CHOICE,
    choices=Role,
    columns=(Column("role", "权限角色", Role.RECRUITER.label),),
    in_form=True,
    required="请选择权限角色。",
)
_PLACE = (
    Field(
        "unit_id",
        "单位",
        FieldKind.UNIT,
        columns=(
            Column("unit", "单位", "招商局"),
            Column("unit_name", "单位名称", shown_only=True),
        ),
        in_form=True,
    ),
    Field(
        "duty",
        "职务类别",
        FieldKind.CHOICE,
        choices=Duty,
        columns=(Column("duty", "职务类别", Duty.RECRUITER.label),),
        in_form=True,
        required="请选择职务类别。",
    ),
)
_TERM = (
    Field(
        "from_on",
        "任职开始日期",
        FieldKind.DATE,
        columns=(Column("from", "任职起", "2026-01-01"),),
        in_form=True,
        required="请选择任职开始日期。",
    ),
    Field(
        "to_on",
        "任职结束日期",
        FieldKind.DATE,
        columns=(Column("to", "任职止"),),
        in_form=True,
    ),
    Field(
        "is_primary",
        "主要任职",
        FieldKind.FLAG,
        columns=(Column("primary", "主要任职", "1", optional=True),),
        in_form=True,
    ),
)

# One row of the file is a person with a posting; `disabled_at` follows from leaving.
PERSON_FIELDS = declared(*_ACCOUNT, _ROLE, Field("disabled_at", "停用时间", FieldKind.MOMENT))
POSTING_FIELDS = declared(*_PLACE, *_TERM)
# In the order of the columns of the file.
PEOPLE_COLUMNS = columns_of((*_ACCOUNT, *_PLACE, _ROLE, *_TERM))


class ContactCells(Cells):
    """How a person is called and reached, as a file and a form give it."""

    name: Line
    email: Email
    phone: Phone
