"""Pages of absences: own, waiting for approval, and of the viewer's units."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import HiddenField, RadioField, StringField
from wtforms.validators import DataRequired, Length

from crm.base.errors import Refused
from crm.extensions import db
from crm.mailing.notifications import notify_absence_decision
from crm.people import absences
from crm.people.absence_approval import (
    may_decide,
    own_page,
    team_page,
    visible_absence,
    waiting,
)
from crm.people.models import Absence
from crm.people.rules import AbsenceKind, AbsenceStatus
from crm.web.absences.rows import absence_row
from crm.web.auth import my_view, signed_in
from crm.web.change_reasons import explained
from crm.web.corrections.rows import corrections_notice
from crm.web.date_fields import DateField
from crm.web.errors import refusal_text
from crm.web.forms import (
    LARGEST_ID,
    at_cursor,
    back_to,
    cleaned,
    enum_choices,
    sensible_year,
    show_refusal,
)
from crm.web.people.reassignment import is_long_absence, open_count, page_url
from crm.web.site import site
from crm.web.transaction import moment, today, transaction
from crm.web.unseen_changes import position_shown, unseen_changes

bp = Blueprint("absences", __name__, url_prefix="/absences")
ONE = f"/<int(max={LARGEST_ID}):absence_id>"
_line = Length(max=200, message="最多 %(max)d 个字。")


class AskForm(FlaskForm):
    """A request for absence."""

    kind = RadioField(
        "类别",
        [DataRequired("请选择类别。")],
        choices=enum_choices(AbsenceKind),
        coerce=AbsenceKind,
    )
    from_on = DateField("开始日期", [DataRequired("请选择开始日期。"), sensible_year])
    to_on = DateField("结束日期", [DataRequired("请选择结束日期。"), sensible_year])
    reason = StringField("事由", [_line], filters=[cleaned])

    def to_data(self) -> absences.AbsenceData:
        """The data of a valid form."""
        from_on: Any = self.from_on.data
        to_on: Any = self.to_on.data
        return absences.AbsenceData(
            kind=self.kind.data, from_on=from_on, to_on=to_on, reason=self.reason.data or ""
        )


class WhyForm(FlaskForm):
    """The reason of a return or cancellation."""

    shown = HiddenField()  # of `position_shown`

    why = StringField("原因", [DataRequired("请填写原因。"), _line], filters=[cleaned])


class ShortenForm(WhyForm):
    """A new last day."""

    to_on = DateField("结束日期改为", [DataRequired("请选择结束日期。"), sensible_year])


@bp.get("")
def listing() -> ResponseReturnValue:
    """Own absences, those waiting for approval, and those of the viewer's units."""
    me, on = my_view(), today()
    # read for every tab: the label of the second names their number
    to_decide = waiting(db.session, me, on)
    views = {"mine": "我的请假"}
    if me.judges:
        views["waiting"] = f"待我审批 {len(to_decide)}" if to_decide else "待我审批"

    if me.oversees:
        views["team"] = "所辖人员"

    view = request.args.get("view", "mine")
    # a tab that the viewer does not have shows the own absences
    view = view if view in views else "mine"
    cursor = request.args.get("at")
    page = None
    if view == "mine":
        page = own_page(db.session, me, cursor)
    elif view == "team":
        page = team_page(db.session, me, on, cursor)

    rows = page.items if page else to_decide

    return render_template(
        "absences/list.html",
        lines=[absence_row(absence, on) for absence in rows],
        view=view,
        tabs=[
            {"url": url_for(".listing", view=code), "label": label, "active": code == view}
            for code, label in views.items()
        ],
        newer=at_cursor(page.newer) if page else None,
        older=at_cursor(page.older) if page else None,
    )


@bp.get("/new")
def new() -> ResponseReturnValue:
    """The form of a request."""
    form = AskForm(data={"kind": AbsenceKind.LEAVE, "from_on": today(), "to_on": today()})
    return render_template("absences/new.html", form=form)


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Submit the request."""
    form = AskForm()
    if form.validate():
        try:
            with transaction() as session:
                absences.ask(session, data=form.to_data(), by=signed_in(), now=moment())
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            flash("请假申请已提交，待督查人员审批；批准后相应减少应完成的数量。", "success")
            return redirect(url_for(".listing"))
    return render_template("absences/new.html", form=form), 422


def _found(absence_id: int) -> Absence:
    """The absence; 404 where I may not see it."""
    return visible_absence(db.session, my_view(), absence_id, today()) or abort(404)


def _show(absence_id: int, unseen: str = "", **given: WhyForm) -> str:
    shown_at = position_shown()
    absence = _found(absence_id)
    # without `formdata=None` each form would read the fields of the one that was sent
    forms: dict[str, WhyForm] = {
        "returning": WhyForm(formdata=None),
        "shortening": ShortenForm(formdata=None, data={"to_on": absence.to_on}),
        "cancelling": WhyForm(formdata=None),
    } | given
    for form in forms.values():
        form.shown.data = str(shown_at)
    decides = may_decide(db.session, signed_in(), absence.person_id, today())
    is_asked = absence.status is AbsenceStatus.ASKED

    return render_template(
        "absences/show.html",
        absence=absence,
        unseen=unseen,
        line=absence_row(absence, today()),
        can_decide=decides and is_asked,
        can_change=decides and absence.status is AbsenceStatus.APPROVED,
        handover_url=page_url(absence.person, absence)
        if decides and is_long_absence(db.session, absence)
        else None,
        can_withdraw=is_asked and absence.person_id == my_view().person_id,
        **forms,
    )


@bp.get(ONE)
def show(absence_id: int) -> ResponseReturnValue:
    """One absence, with what may be done about it."""
    return _show(absence_id)


def _settle(session: Session, absence: Absence, change: Callable[[Session, Absence], None]) -> None:
    """Apply the change and queue the mail to the person."""
    # read before the change: the mail names the old last day beside the new one
    was_to, me = absence.to_on, signed_in()
    change(session, absence)
    notify_absence_decision(
        session, absence=absence, was_to=was_to, by=me, now=moment(), site=site()
    )


def _decide(absence_id: int, done: str, change: Callable[[Session, Absence], None]) -> str:
    """Apply a one-touch decision, flash the result, and return where to go."""
    absence = _found(absence_id)
    try:
        with explained() as session:
            _settle(session, absence, change)
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        flash(done + corrections_notice(), "success")
    return back_to(url_for(".show", absence_id=absence_id))


@bp.post(f"{ONE}/approve")
def approve(absence_id: int) -> ResponseReturnValue:
    """Approve, then offer the hand-over of a long absence."""
    me, now = signed_in(), moment()
    back = _decide(
        absence_id,
        "请假已批准。",
        lambda session, absence: absences.approve(session, absence=absence, by=me, now=now),
    )

    # the decision may have been refused: the saved status tells
    absence = _found(absence_id)
    person = absence.person
    # REGIME 2: an absence of more than 10 working days offers to hand over
    if is_long_absence(db.session, absence) and open_count(db.session, person, absence):
        return redirect(page_url(person, absence))
    return redirect(back)


@bp.post(f"{ONE}/withdraw")
def withdraw(absence_id: int) -> ResponseReturnValue:
    """Withdraw an own request."""
    me, now = signed_in(), moment()
    return redirect(
        _decide(
            absence_id,
            "请假申请已撤回。",
            lambda session, absence: absences.withdraw(session, absence=absence, by=me, now=now),
        )
    )


def _answer(
    absence_id: int, name: str, form: WhyForm, change: Callable[[Session, Absence], None]
) -> ResponseReturnValue:
    """Apply a decision with a form; refusals are shown at its fields."""
    unseen = unseen_changes(Absence, absence_id)
    absence = _found(absence_id)
    if unseen:
        return _show(absence_id, unseen, **{name: form}), HTTPStatus.CONFLICT

    if form.validate():
        try:
            with explained() as session:
                _settle(session, absence, change)
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            flash("已保存。" + corrections_notice(), "success")
            return redirect(url_for(".show", absence_id=absence_id))

    # read again: the refusal rolled the transaction back
    return _show(absence_id, **{name: form}), HTTPStatus.UNPROCESSABLE_ENTITY


@bp.post(f"{ONE}/return")
def return_request(absence_id: int) -> ResponseReturnValue:
    """Return the request with the reason."""
    me, now, form = signed_in(), moment(), WhyForm()
    return _answer(
        absence_id,
        "returning",
        form,
        lambda session, absence: absences.return_request(
            session, absence=absence, why=form.why.data or "", by=me, now=now
        ),
    )


@bp.post(f"{ONE}/shorten")
def shorten(absence_id: int) -> ResponseReturnValue:
    """End an approved absence earlier."""
    me, now, form = signed_in(), moment(), ShortenForm()

    def change(session: Session, absence: Absence) -> None:
        to_on: Any = form.to_on.data
        why = form.why.data or ""
        absences.shorten(session, absence=absence, to_on=to_on, why=why, by=me, now=now)

    return _answer(absence_id, "shortening", form, change)


@bp.post(f"{ONE}/cancel")
def cancel(absence_id: int) -> ResponseReturnValue:
    """Cancel an approved absence."""
    me, now, form = signed_in(), moment(), WhyForm()
    return _answer(
        absence_id,
        "cancelling",
        form,
        lambda session, absence: absences.cancel(
            session, absence=absence, why=form.why.data or "", by=me, now=now
        ),
    )
