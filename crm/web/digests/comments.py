"""Leaders' comments on a settled month (月点评): drafted and released on a page (REGIME 5)."""

from datetime import datetime

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import HiddenField, TextAreaField
from wtforms.validators import DataRequired, Length

from crm.base import clock, formatting
from crm.base.errors import Refused
from crm.base.mailbox import period_of
from crm.base.outbox import Message, MessageKind
from crm.base.periods import Period, PeriodKind
from crm.digests.comments import (
    LONGEST,
    Comment,
    comments,
    comments_for,
    draft_of,
    is_settled,
    release_comment,
    released_by,
    save_comment,
    settles_at,
)
from crm.digests.settlement_notice import send_comment
from crm.extensions import db
from crm.people.models import Person
from crm.web.auth import signed_in
from crm.web.forms import YEARS, cleaned, prose, show_refusal
from crm.web.site import site
from crm.web.transaction import moment, today, transaction

COMMENTED = (MessageKind.MONTHLY, MessageKind.SETTLED)  # mails shown with later comments


class CommentForm(FlaskForm):
    month = HiddenField(filters=[cleaned])
    text = TextAreaField(
        "点评内容",
        [DataRequired("请填写点评内容。"), Length(max=LONGEST, message="最多 %(max)d 个字。")],
        filters=[prose],
    )


def comment() -> ResponseReturnValue:
    """The viewer's released comments on the month, and the form with their draft."""
    month = _month(request.args.get("month"))
    draft = draft_of(db.session, signed_in(), month)
    data = {"month": month.name, "text": draft.text if draft else None}
    return _page(month, CommentForm(formdata=None, data=data))


def save() -> ResponseReturnValue:
    """Save the draft, or release it."""
    form = CommentForm()
    month = _month(form.month.data)
    is_draft = request.form.get("do") == "draft"

    if form.validate():
        try:
            with transaction() as session:
                _save_or_release(session, month, form.text.data or "", is_draft=is_draft)
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            flash("草稿已保存，发布后他人可见。" if is_draft else "月点评已发布。", "success")
            return redirect(url_for("digests.comment", month=month.name))

    return _page(month, form), 422


def _save_or_release(session: Session, month: Period, text: str, *, is_draft: bool) -> None:
    me, now = signed_in(), moment()
    if is_draft:
        save_comment(session, month=month, text=text, by=me, now=now)
        return
    released = release_comment(session, month=month, text=text, by=me, now=now)
    # REGIME 5: a comment released after the report went out is mailed alone
    send_comment(session, comment=released, site=site(), now=now)


def later_comments(
    session: Session, person: Person, message: Message, now: datetime
) -> list[Comment]:
    """The comments on a digest's month released after the digest was made, for its recipient."""
    if message.kind not in COMMENTED:
        return []
    month = Period.parse(period_of(message.dedupe_key))
    later = [made for made in comments(session, month, at=now) if made.at > message.made_at]
    return comments_for(session, person, later, at=now)


def _month(name: str | None) -> Period:
    """The named month if it has begun, without a name the last settled one; else 404."""
    try:
        month = Period.parse(name) if name else _latest()
    except ValueError:
        abort(404)
    is_month = month.kind is PeriodKind.MONTH and month.first.year in YEARS
    return month if is_month and month.first <= today() else abort(404)


def _latest() -> Period:
    """The last month whose figures are frozen by now."""
    # REGIME 4: a month freezes days after its end, so the last one may be open still
    last = Period.holding(PeriodKind.MONTH, today()).before
    return last if settles_at(db.session, last) <= moment() else last.before


def _page(month: Period, form: CommentForm) -> str:
    me, now = signed_in(), moment()

    return render_template(
        "digests/comment.html",
        form=form,
        released=released_by(db.session, me, month, at=now),
        has_draft=draft_of(db.session, me, month) is not None,
        why_not_yet=_why_not_yet(month, now),
        month=month,
        previous=url_for("digests.comment", month=month.before.name),
        next=url_for("digests.comment", month=month.after.name)
        if month.after.first <= today()
        else None,
    )


def _why_not_yet(month: Period, now: datetime) -> str:
    """Why the month cannot be commented on yet; empty where it can."""
    if is_settled(db.session, month, now):
        return ""
    settles, name = settles_at(db.session, month), formatting.period_name(month)
    if now < settles:
        when = formatting.moment(settles, clock.civil_date(now))
        return f"{name}的数据将于{when}定稿，定稿后方可撰写点评。"
    return f"{name}没有定稿数据，不能撰写点评。"
