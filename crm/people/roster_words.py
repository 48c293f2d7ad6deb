"""The words by which bureaus name the columns, posts and units of a roster (ENTRY 6)."""

import re

from crm.base.names import folded
from crm.base.sheets import Column
from crm.base.table_columns import Vocabulary
from crm.people.rules import Duty, Role, UnitKind

ROSTER_COLUMNS = (
    Column("number", "序号"),
    Column("name", "姓名"),
    Column("username", "账号"),
    Column("unit", "单位"),
    Column("department", "部门"),
    Column("section", "科室"),
    Column("post", "职务"),
    Column("duty", "职务类别"),
    Column("role", "权限角色"),
    Column("phone", "手机"),
    Column("landline", "办公电话"),
    Column("email", "邮箱"),
    Column("from", "任职起"),
)
# From the widest to the narrowest unit; a table has one, two or all three of them.
LEVELS = ("unit", "department", "section")
_COLUMN_WORDS = {
    "number": ("序", "No.", "No", "编次", "行号"),
    "name": ("人员姓名", "名字", "招商人员", "招商专员", "干部姓名", "人员", "员工姓名", "联系人"),
    "username": ("用户名", "登录名", "登录账号", "系统账号"),
    "unit": (
        *("所在单位", "工作单位", "单位名称", "所属单位", "局办", "局", "所属局办", "单位全称"),
        *("部门单位", "单位部门", "局办单位", "所属机构", "机构"),
    ),
    "department": ("所在部门", "所属部门", "工作部门", "部门名称", "内设部门"),
    "section": (
        *("处室", "内设机构", "内设科室", "所在科室", "所属科室", "科组", "小组", "组别", "班组"),
        *("科", "组", "招商小组", "所在小组", "所属小组", "科室名称"),
    ),
    "post": (
        *("岗位", "职位", "现任职务", "职务岗位", "岗位名称", "担任职务", "工作岗位", "职务名称"),
        *("现职务", "职务职级", "职务级别", "行政职务", "所任职务"),
    ),
    "duty": ("考核类别", "考核职务类别"),
    "role": ("系统角色", "角色", "权限"),
    "phone": (
        *("手机号", "手机号码", "联系电话", "电话", "联系方式", "移动电话", "电话号码"),
        *("联系手机", "联系号码"),
    ),
    "landline": ("座机", "固定电话", "固话", "单位电话", "办公室电话", "办公座机"),
    "email": ("电子邮箱", "邮箱地址", "电子邮件", "E-mail", "email", "mail", "工作邮箱", "邮件"),
    "from": (
        *("任职时间", "任职日期", "入职时间", "入职日期", "到岗时间", "到岗日期", "任现职时间"),
        *("任现职日期", "起始时间", "开始日期", "到任时间", "任职开始日期", "上岗时间"),
    ),
}
ROSTER_VOCABULARY = Vocabulary(ROSTER_COLUMNS, _COLUMN_WORDS, example="“姓名”“单位”“职务”“手机”")

# What the words of a post propose, the first that fits: 主任科员 is no 主任, 副局长 is no 局长.
_DUTY_WORDS = (
    (Duty.STAFF, r"主任科员|调研员|科员|办事员|[科股组班]长|主任助理员|文员|内勤|秘书|会计|出纳"),
    (
        Duty.DEPUTY,
        r"副(?:局|主任|书记|总|区|院|园|部|处|所|董事)|分管|班子成员|党组成员|党.?委委员",
    ),
    (Duty.DEPUTY, r"工委委员|总工程师|总经济师|总规划师|(?:局长|主任|总经理)助理"),
    (Duty.RECRUITER, r"驻.{1,8}(?:招商|代表|专员|人员|办|组|点)|驻.{1,3}$"),
    (Duty.PRINCIPAL, r"局长|主任|书记|总经理|董事长|区长|院长|园长|部长|处长|所长|行长|总裁"),
    (Duty.PRINCIPAL, r"一把手|主要负责|主要领导|主持(?:全面)?工作|正职|单位负责人"),
    (Duty.RECRUITER, r"招商|(?:项目|客户|业务|投资|产业).{0,2}(?:经理|专员|主管)|业务员"),
    (Duty.STAFF, r"工作人员|职员|干事|专员|助理|主管|人员|干部|司机|实习|借调|聘用|经理"),
)
ROLE_OF_DUTY = {
    Duty.PRINCIPAL: Role.LEADER,
    Duty.DEPUTY: Role.LEADER,
    Duty.RECRUITER: Role.RECRUITER,
    Duty.STAFF: Role.RECRUITER,
}
# Posts of the zone's own leaders are held at the top of the tree.
_ZONE = re.compile(
    r"(?:开发区|经开区|高新区|园区|区)?(?:党工委|管委会|党工委、?管委会|领导班子|区领导|领导|班子|委领导|本级)"
)
_PARK = re.compile(r"(?:园区?|保税区.{0,2}|商务区|基地|片区|新城|科技城|小镇|港)$")
_TEAM = re.compile(r"(?:科|组|处|中心|室|部|队|班|专班)$")
VACANT = frozenset({"空缺", "暂缺", "缺", "待定", "待聘", "缺编", "无"})


def duty_of(post: str) -> Duty | None:
    """The duty that the words of a post propose; None where they tell nothing."""
    plain = folded(post)
    for duty in Duty:
        if plain in {folded(duty.label), duty.value}:
            return duty
    return next((duty for duty, words in _DUTY_WORDS if re.search(words, plain)), None)


def means_zone(unit: str) -> bool:
    """Whether the name of a unit means the zone's own leaders."""
    return _ZONE.fullmatch(folded(unit)) is not None


def kind_of(name: str, *, is_below_zone: bool) -> UnitKind:
    """The kind that the name of a new unit suggests."""
    if _PARK.search(name):
        return UnitKind.PARK
    return UnitKind.BUREAU if is_below_zone or not _TEAM.search(name) else UnitKind.TEAM
