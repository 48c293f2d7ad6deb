"""The start page of administration."""

from dataclasses import dataclass

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

bp = Blueprint("admin", __name__)

# endpoint, what it is called, icon, what one does there
PAGES = (
    ("people.listing", "人员", "users", "账号、任职、调岗、离任，历史都留着"),
    ("units.listing", "单位", "sitemap", "单位的上下级关系、名称和排序"),
    ("calendar.this_year", "工作日历", "calendar-cog", "上班、休息和调休；导入放假安排，手工调整"),
    ("jobs.listing", "定时任务", "clock", "上次和下次执行、预览、立即执行、暂停"),
    ("rules.listing", "考核规则", "gauge", "对谁、每期要求多少；从哪一天起改，改之前先回测"),
    ("target_admin.listing", "年度目标管理", "target", "各单位一年要签约、开工多少项目"),
    ("audit.listing", "操作记录", "history", "谁在何时改了什么，改前改后各是什么"),
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
    """All the pages that are for admins."""
    entries = [Entry(url_for(endpoint), *words) for endpoint, *words in PAGES]
    return render_template("admin/show.html", entries=entries)
