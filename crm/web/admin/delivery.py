"""The page of delivery: what waits, and holding and releasing it."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import RadioField, StringField
from wtforms.validators import DataRequired, Length

from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.extensions import db
from crm.jobs import health
from crm.jobs.delivery_hold import hold_delivery, hold_of, release_delivery
from crm.people.directory import names_of
from crm.web.auth import signed_in
from crm.web.errors import refusal_text
from crm.web.forms import cleaned, enum_choices, show_refusal
from crm.web.transaction import moment, transaction

bp = Blueprint("delivery", __name__)


class Waiting(LabeledEnum):
    """What becomes of the messages that wait when delivery goes on."""

    KEEP = "keep", "只存入站内信箱，不再发送"
    MAIL = "mail", "照常发送"


class HoldForm(FlaskForm):
    """Why delivery is held."""

    why = StringField(
        "暂停原因",
        [DataRequired("请填写暂停原因。"), Length(max=200, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )


class ReleaseForm(FlaskForm):
    """How delivery goes on."""

    waiting = RadioField(
        "此前待发的邮件",
        choices=enum_choices(Waiting),
        default=Waiting.KEEP,
    )


@bp.get("/admin/delivery")
def show() -> ResponseReturnValue:
    """Whether delivery is held, and what waits."""
    return _page(HoldForm())


@bp.post("/admin/delivery/hold")
def hold() -> ResponseReturnValue:
    """Deliver nothing until it is released."""
    form = HoldForm()
    if not form.validate_on_submit():
        return _page(form), 422
    try:
        with transaction() as session:
            hold_delivery(session, why=form.why.data or "", by=signed_in(), now=moment())
    except Refused as refusal:
        show_refusal(form, refusal, {})
        return _page(form), 422
    flash("已暂停发信。", "success")
    return redirect(url_for(".show"))


@bp.post("/admin/delivery/release")
def release() -> ResponseReturnValue:
    """Deliver again."""
    is_mailed = ReleaseForm().waiting.data == Waiting.MAIL
    try:
        with transaction() as session:
            count = release_delivery(session, mail_waiting=is_mailed, by=signed_in(), now=moment())
    except Refused as refusal:
        flash(refusal_text(refusal), "warning")
    else:
        kept = "将照常发送" if is_mailed else "只存入站内信箱"
        flash(f"已恢复发信，此前待发的 {count} 封{kept}。", "success")
    return redirect(url_for(".show"))


def _page(form: HoldForm) -> str:
    held = hold_of(db.session)
    by_id = held.by_id if held else None
    return render_template(
        "admin/delivery.html",
        hold=held,
        held_by=names_of(db.session, {by_id}).get(by_id, "") if by_id else "服务器管理员",
        backlog=health.backlog(db.session, now=moment()),
        form=form,
        release_form=ReleaseForm(formdata=None),
    )
