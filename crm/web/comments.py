"""What a leader says of a month (月点评): written on a page, shown with the month's digest."""

from datetime import datetime

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import HiddenField, TextAreaField
from wtforms.validators import Length

from crm.base.errors import Refused
from crm.base.mailbox import period_of
from crm.base.outbox import Message, MessageKind
from crm.base.periods import Period, PeriodKind
from crm.digests.comments import LONGEST, Comment, comment_by, comments_for, write_comment
from crm.extensions import db
from crm.people.models import Person
from crm.web.auth import signed_in
from crm.web.forms import YEARS, Needed, cleaned, show_refusal
from crm.web.transaction import moment, today, transaction


class CommentForm(FlaskForm):
    """What is said of the month."""

    month = HiddenField(filters=[cleaned])
    text = TextAreaField(
        "点评内容",
        [Needed("请填写点评内容。"), Length(max=LONGEST, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )


def comment() -> ResponseReturnValue:
    """The form, with what I have said of the month already."""
    month = _month(request.args.get("month"))
    said = comment_by(db.session, signed_in(), month, at=moment())
    data = {"month": month.name, "text": said.text if said else None}
    return _page(month, CommentForm(formdata=None, data=data), said)


def say() -> ResponseReturnValue:
    """Keep what I say of the month."""
    form = CommentForm()
    month = _month(form.month.data)
    if form.validate():
        try:
            with transaction() as rows:
                text, me = form.text.data or "", signed_in()
                write_comment(rows, month=month, text=text, by=me, now=moment())
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            flash("月点评已保存。", "success")
            return redirect(url_for("digests.comment", month=month.name))
    said = comment_by(db.session, signed_in(), month, at=moment())
    return _page(month, form, said), 422


def added_later(rows: Session, person: Person, letter: Message, now: datetime) -> list[Comment]:
    """What was said of the month after its digest had been made, for its recipient to read."""
    if letter.kind is not MessageKind.MONTHLY:
        return []
    month = Period.parse(period_of(letter.dedupe_key))
    said = comments_for(rows, person, month, at=now)
    return [one for one in said if one.at > letter.made_at]


def _month(name: str | None) -> Period:
    """The month of that name that has begun, or this one; what is none does not exist."""
    try:
        month = Period.parse(name) if name else Period.holding(PeriodKind.MONTH, today())
    except ValueError:
        abort(404)
    is_one = month.kind is PeriodKind.MONTH and month.first.year in YEARS
    return month if is_one and month.first <= today() else abort(404)


def _page(month: Period, form: CommentForm, said: Comment | None) -> str:
    return render_template(
        "digests/comment.html",
        form=form,
        said=said,
        month=month,
        previous=url_for("digests.comment", month=month.before.name),
        next=url_for("digests.comment", month=month.after.name)
        if month.after.first <= today()
        else None,
    )
