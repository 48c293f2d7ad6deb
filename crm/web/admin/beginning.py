"""The page that leads an admin from an empty installation to a working one."""

from dataclasses import dataclass

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.extensions import db
from crm.jobs.mail_route import mail_route
from crm.people.directory import headcount, headcounts, unit_count
from crm.web.admin.views import bp
from crm.web.site import mail_settings
from crm.web.transaction import today


@dataclass(frozen=True, slots=True)
class BeginningStep:
    """What is to be done, how far it is, and where."""

    title: str
    about: str
    state: str
    links: tuple[tuple[str, str], ...]  # label, address
    is_done: bool = False


@bp.get("/admin/begin")
def begin() -> ResponseReturnValue:
    """The steps in their order; none is required."""
    return render_template("admin/begin.html", steps=_steps(db.session))


def _steps(session: Session) -> tuple[BeginningStep, ...]:
    server = mail_route(session, mail_settings()).server
    people, units = headcount(session), unit_count(session)
    posted = bool(headcounts(session, today()))
    return (
        BeginningStep(
            "邮件服务器",
            "周报、月报和提醒由它发出；暂不设置时只存入站内信箱。",
            f"现由 {server.host} 发信" if server else "尚未设置",
            (("设置邮件服务器", url_for("mail_server.show")),),
            is_done=server is not None,
        ),
        BeginningStep(
            "单位",
            "已按常见设置预置，请改为本区的单位和上下级关系；花名册中没有的单位会随人员一并新建。",
            f"现有 {units} 个单位",
            (
                ("导入单位表", url_for("people_imports.show", kind="units")),
                ("管理单位", url_for("units.listing")),
            ),
            is_done=posted,
        ),
        BeginningStep(
            "人员",
            "本单位的花名册（Excel）可直接导入，也可逐个添加；每人的任职决定其考核任务。",
            f"现有 {people} 人",
            (
                ("导入花名册", url_for("people_imports.show", kind="people")),
                ("添加人员", url_for("people.new")),
            ),
            is_done=posted and people > 1,
        ),
        BeginningStep(
            "年度目标和考核规则",
            "核对预置的考核规则，设置本年签约、开工等目标。",
            "",
            (
                ("年度目标", url_for("target_admin.listing")),
                ("考核规则", url_for("rules.listing")),
            ),
        ),
        BeginningStep(
            "已有台账",
            "各单位现有的拜访表格可原样导入，不必先改成模板；线索、企业、到资等按模板导入。",
            "",
            (
                ("导入拜访表格", url_for("tables.start")),
                ("导入其他数据", url_for("imports.start")),
            ),
        ),
    )
