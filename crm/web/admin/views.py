"""The start page of administration."""

from dataclasses import dataclass

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from crm.web.access import ACCESS
from crm.web.auth import signed_in

bp = Blueprint("admin", __name__)

# endpoint, what it is called, icon, what one does there
PAGES = (
    ("admin.begin", "开始使用", "flag", "从单位、人员到历史台账，逐步投入使用"),
    ("people.listing", "人员", "users", "账号、权限和任职，保留历次变动记录"),
    ("units.listing", "单位", "sitemap", "管理单位的隶属关系、名称和排序"),
    (
        "calendar.this_year",
        "工作日历",
        "calendar-cog",
        "管理工作日、休息日和调休，可导入放假安排或手工调整",
    ),
    ("jobs.listing", "定时任务", "clock", "查看执行情况，预览、执行或暂停任务"),
    ("mail_server.show", "邮件服务器", "mail-cog", "设置发信服务器，并用测试邮件检查"),
    ("delivery.show", "发信", "mail", "查看待发邮件，暂停或恢复发信"),
    (
        "channels.listing",
        "发送渠道",
        "send",
        "将通知发送到企业微信、钉钉、飞书工作群和本区业务系统",
    ),
    ("outbox.listing", "发送记录", "mail-opened", "查看邮件和渠道通知的发送状态，失败的重新发送"),
    ("rules.listing", "考核规则", "gauge", "设置考核对象、指标和生效日期；调整前可先试算"),
    ("target_admin.listing", "年度目标管理", "target", "设置各单位年度签约、开工等目标"),
    (
        "recognition_admin.listing",
        "认定设置",
        "checks",
        "设置认定单位、佐证要求、启用日期和不予认定情形",
    ),
    ("catalog.listing", "产业和线索来源", "briefcase", "设置登记线索时可选的产业和来源"),
    ("own_fields.listing", "补充信息", "pencil", "设置线索上另行登记的内容，最多 10 项"),
    ("sites.listing", "载体", "building-factory-2", "管理可向项目推荐的土地、厂房和办公楼"),
    (
        "imports.start",
        "数据导入",
        "file-export",
        "从 Excel 或 CSV 文件导入线索、企业、联系人、跟进、人员、缺勤和到资，先预览再导入",
    ),
    ("rates.listing", "汇率", "coins", "登记或导入各日汇率，用于外币项目折合人民币显示"),
    (
        "receipt_forms.listing",
        "到资形式",
        "coins",
        "设置资金到位的形式和计入的指标",
    ),
    (
        "problem_categories.listing",
        "困难问题类别",
        "alert-triangle",
        "设置困难问题的类别、排序和默认承办单位",
    ),
    ("milestone_kinds.listing", "项目节点", "flag", "设置环评、摘牌等其他节点的名称和排序"),
    ("plan_templates.listing", "工期模板", "calendar-event", "设置倒排工期各节点的工作日数"),
    ("tier_lines.listing", "项目规模标准", "flag", "设置各档项目规模的外币标准"),
    ("speed_spans.listing", "办理周期", "clock", "设置统计的起止节点和参考时限"),
    (
        "sign_in_profiles.listing",
        "登录策略",
        "shield-lock",
        "设置密码要求、有效期、无操作退出和两步验证",
    ),
    (
        "retention.show",
        "保存期限",
        "clock",
        "设置个人信息的保存月数，确认到期的联系人",
    ),
    (
        "duties.show",
        "三员分立",
        "shield-lock",
        "将系统管理、安全管理和审计分由三人承担",
    ),
    ("audit.listing", "操作记录", "history", "查询操作人、时间和改动前后的内容"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One of the pages."""

    url: str
    label: str
    icon: str
    what_for: str


@bp.get("/admin")
def show() -> ResponseReturnValue:
    """All the pages of administration that the person may open."""
    role = signed_in().role
    entries = [
        Entry(url_for(endpoint), *words) for endpoint, *words in PAGES if role in ACCESS[endpoint]
    ]
    return render_template("admin/show.html", entries=entries)
