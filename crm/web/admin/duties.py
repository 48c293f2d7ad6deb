"""The page of 三员分立: who holds which duty of administration, switched on and off."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from crm.base.errors import Refused
from crm.extensions import db
from crm.people.admin_duties import administering, holders, separation_of
from crm.people.directory import names_of
from crm.people.rules import AdminDuty
from crm.people.separation import separate_duties, unite_duties
from crm.web.auth import signed_in
from crm.web.errors import refusal_text
from crm.web.forms import cleaned, is_saved
from crm.web.transaction import moment, transaction

bp = Blueprint("duties", __name__, url_prefix="/admin/duties")
WHAT = {
    AdminDuty.SYSTEM: "单位、工作日历、考核规则、邮件、渠道、定时任务等设置",
    AdminDuty.SECURITY: "账号、权限、任职、代录、登录策略，重置密码和两步验证",
    AdminDuty.AUDIT: "查看、导出和校验操作记录",
}


class UniteForm(FlaskForm):
    """Why the duties are to be in one hand again."""

    why = StringField(
        "停用原因",
        [DataRequired("请填写停用原因。"), Length(max=200, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )


@bp.get("")
def show() -> ResponseReturnValue:
    """Whether three people administer, and who holds what."""
    return _page(UniteForm(formdata=None))


def _page(form: UniteForm) -> str:
    separation = separation_of(db.session)
    held = holders(administering(db.session))
    facts = [
        (
            duty.label,
            f"{WHAT[duty]}：{_names([each.name for each in held[duty] if each.can_sign_in])}",
        )
        for duty in AdminDuty
    ]
    begun_by = names_of(db.session, {separation.begun_by_id}) if separation else {}
    return render_template(
        "admin/duties.html",
        separation=separation,
        begun_by="".join(begun_by.values()),
        facts=facts,
        form=form,
    )


def _names(names: list[str]) -> str:
    return "、".join(names) or "尚无能登录的人员"


@bp.post("/separate")
def separate() -> ResponseReturnValue:
    """Give the duties to three people."""
    try:
        with transaction() as session:
            separate_duties(session, by=signed_in(), now=moment())
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
        return redirect(url_for(".show"))
    flash("三员分立已启用，原系统管理员改为系统管理员（三员）。", "success")
    return redirect(url_for("admin.show"))  # whoever was an admin may not open this page any more


@bp.post("/unite")
def unite() -> ResponseReturnValue:
    """Let one person hold all duties again."""
    form = UniteForm()

    def apply(session: Session) -> None:
        unite_duties(session, why=form.why.data or "", by=signed_in(), now=moment())

    if form.validate() and is_saved(form, apply):
        flash("三员分立已停用。需要统管全部事项的系统管理员，请在人员中设置。", "success")
        return redirect(url_for(".show"))
    return _page(form), 422
