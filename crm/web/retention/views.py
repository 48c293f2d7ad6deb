"""For how long personal data are kept, and the contacts that wait for a decision (PIPL 19)."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import StringField
from wtforms.validators import DataRequired, Length, NumberRange, Optional

from crm.base.audit_trail import KEPT_DAYS
from crm.extensions import db
from crm.personal_data.clearing import cleared_counts
from crm.personal_data.expiring import expiring_contacts, expiring_count, keep_contact_longer
from crm.personal_data.retention import retention_periods, set_retention
from crm.personal_data.retention_rules import KEEP_MONTHS, MOST_MONTHS, Kept
from crm.web.auth import my_view, signed_in
from crm.web.contacts.views import contact_or_404
from crm.web.forms import LARGEST_ID, WholeNumber, cleaned, is_saved
from crm.web.transaction import moment, today

bp = Blueprint("retention", __name__, url_prefix="/admin/retention")
_MONTHS = f"请填写 1 至 {MOST_MONTHS} 之间的整数，或留空。"
WHAT: Mapping[Kept, str] = {
    Kept.CONTACTS: "企业的线索均已流失的联系人。自最后一次拜访、跟进、节点或登记起算，"
    "到期列入名单，由管理员逐一确认删除或继续保存",
    Kept.SESSIONS: "登录时间、网络地址和浏览器。自退出或失效起算，到期自动删除",
    Kept.MAILS: "已发送邮件的正文，标题和发送情况保留。自发出起算，到期自动清除",
    Kept.IMPORTS: "上传的表格、逐行结果和撤销所需的原值，已导入的记录不受影响。"
    "自上传起算，到期自动清除",
}
OVER: Mapping[Kept, str] = {
    Kept.CONTACTS: "{} 位待确认",
    Kept.SESSIONS: "{} 个",
    Kept.MAILS: "{} 封",
    Kept.IMPORTS: "{} 次",
}


def _months(kind: Kept) -> WholeNumber:
    valid = [Optional(), NumberRange(1, MOST_MONTHS, _MONTHS)]
    return WholeNumber(kind.label, valid, message=_MONTHS)


class RetentionForm(FlaskForm):
    """The months of each kind; empty: as long as the record itself."""

    contacts = _months(Kept.CONTACTS)
    sessions = _months(Kept.SESSIONS)
    mails = _months(Kept.MAILS)
    imports = _months(Kept.IMPORTS)


class KeepForm(FlaskForm):
    """Why a contact is kept beyond its period."""

    reason = StringField(
        "继续保存的理由",
        [DataRequired("请填写继续保存的理由。"), Length(max=200, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )


@bp.get("")
def show() -> ResponseReturnValue:
    """The periods, and what would fall under them now."""
    periods = retention_periods(db.session)
    return _page(RetentionForm(formdata=None, data={kind.value: periods[kind] for kind in Kept}))


@bp.post("")
def save() -> ResponseReturnValue:
    """Change the periods; the next run of the job applies them."""
    form = RetentionForm()

    def change(session: Session) -> None:
        months = {kind: form[kind.value].data for kind in Kept}
        set_retention(session, months, by=signed_in(), now=moment())

    if form.validate() and is_saved(form, change):
        flash("保存期限已修改，下次清理时执行。", "success")
        return redirect(url_for(".show"))
    return _page(form), 422


def _page(form: RetentionForm) -> str:
    counts = cleared_counts(db.session, retention_periods(db.session), moment())
    counts |= {Kept.CONTACTS: expiring_count(db.session, today())}
    return render_template(
        "retention/show.html",
        form=form,
        what={kind.value: words for kind, words in WHAT.items()},
        counts=[(kind.label, OVER[kind].format(counts[kind])) for kind in Kept],
        waiting=counts[Kept.CONTACTS],
        trail_days=KEPT_DAYS,
    )


@bp.get("/contacts")
def contacts() -> ResponseReturnValue:
    """The contacts that are over their period."""
    return _list(KeepForm(formdata=None), None)


@bp.post(f"/contacts/<int(max={LARGEST_ID}):contact_id>/keep")
def keep(contact_id: int) -> ResponseReturnValue:
    """Keep one of them for another year."""
    form, contact = KeepForm(), contact_or_404(contact_id)

    def save(session: Session) -> None:
        reason = form.reason.data or ""
        keep_contact_longer(session, contact=contact, reason=reason, by=signed_in(), now=moment())

    if form.validate() and is_saved(form, save):
        flash(f"继续保存 {KEEP_MONTHS} 个月，到期后再次确认。", "success")
        return redirect(url_for(".contacts"))
    return _list(form, contact_id), 422


def _list(form: KeepForm, asked_id: int | None) -> str:
    found = expiring_contacts(db.session, my_view(), today())
    return render_template(
        "retention/contacts.html", found=found, form=form, asked_id=asked_id, months=KEEP_MONTHS
    )
