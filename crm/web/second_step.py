"""The second step of signing in: a code of the app, or a recovery code."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from wtforms import StringField
from wtforms.validators import InputRequired

from crm.base.db import begin_to_write, writing
from crm.base.errors import Refused
from crm.base.logs import structlog
from crm.extensions import db
from crm.people import login_attempts
from crm.people.accounts import require_in_time
from crm.people.login_attempts import CODE_SECONDS, Attempt, network_of
from crm.people.models import Person
from crm.people.second_factor import take_code, take_recovery_code
from crm.web.auth import begin_session, me
from crm.web.errors import show_at_field
from crm.web.forms import cleaned
from crm.web.known_browsers import browser_known_to, remember_browser
from crm.web.pending_sign_in import FirstStep, first_step, mark_of
from crm.web.site import site
from crm.web.transaction import moment, release, transaction

bp = Blueprint("second_step", __name__, url_prefix="/login/code")
log = structlog.get_logger()
FEW_LEFT = 3  # recovery codes, of which the person is told


class CodeForm(FlaskForm):
    """The six digits that the app shows."""

    code = StringField("验证码", [InputRequired("请填写验证码。")], filters=[cleaned])


class RecoveryForm(FlaskForm):
    """One of the recovery codes."""

    recovery_code = StringField("恢复码", [InputRequired("请填写恢复码。")], filters=[cleaned])


@bp.get("")
def show() -> ResponseReturnValue:
    """Ask for the code of the app."""
    if first_step(moment()) is None or me():
        return redirect(url_for("auth.login"))
    return _page(CodeForm(formdata=None), RecoveryForm(formdata=None))


def _page(code: CodeForm, recovery: RecoveryForm) -> str:
    return render_template("login_code.html", form=code, recovery=recovery)


@bp.post("")
def check() -> ResponseReturnValue:
    """Sign in by a code of the app."""
    form = CodeForm()

    def take(db_session: Session, person: Person) -> None:
        code, key = form.code.data or "", site().secret
        take_code(db_session, person=person, code=code, key=key, now=moment())

    return _answer(form, take) or (_page(form, RecoveryForm(formdata=None)), 422)


@bp.post("/recovery")
def recover() -> ResponseReturnValue:
    """Sign in by a recovery code."""
    form, left = RecoveryForm(), FEW_LEFT

    def take(db_session: Session, person: Person) -> None:
        nonlocal left
        code = form.recovery_code.data or ""
        left = take_recovery_code(db_session, person=person, code=code, now=moment())

    answer = _answer(form, take)
    if answer is None:
        return _page(CodeForm(formdata=None), form), 422
    if left < FEW_LEFT:
        flash("恢复码即将用完，请到“我的账号”重新生成。", "warning")
    return answer


def _answer(form: FlaskForm, take: Callable[[Session, Person], None]) -> ResponseReturnValue | None:
    """Where to go once the code was accepted; None where it is refused, which the form says."""
    step = first_step(moment())
    if step is None:
        session.clear()
        flash("登录已超时，请重新输入账号和密码。", "warning")
        return redirect(url_for("auth.login"))
    if not form.validate():
        return None
    try:
        _enter(step, take)
    except Refused as refusal:
        field = next(name for name in form._fields if name != "csrf_token")
        show_at_field(form, Refused(refusal.code, field, **refusal.facts))
        return None
    return redirect(step.target)


def _enter(step: FirstStep, take: Callable[[Session, Person], None]) -> None:
    """Sign in whoever has a right code; refused as `too_many_codes` and as the codes are."""
    now = moment()
    browser = browser_known_to(step.person_id)
    attempt = Attempt(
        step.person_id, str(step.person_id), network_of(request.remote_addr or ""), browser
    )
    release()
    with writing(db.sessionmaker) as own:
        may_try = login_attempts.count_code(own, attempt, now=now)
    if not may_try:
        log.warning("too_many_codes", person=step.person_id, address=attempt.address)
        raise Refused("too_many_codes", minutes=CODE_SECONDS // 60)

    begin_to_write(db.session)
    try:
        with transaction() as db_session:
            person = _still(db_session, step)
            take(db_session, person)
            login_attempts.uncount_code(db_session, attempt, now=now)
            begin_session(person)
    except Refused:
        with writing(db.sessionmaker) as own:
            login_attempts.note_failure(own, attempt, now=now, action="person.wrong_code")
        raise
    remember_browser(person.id)


def _still(db_session: Session, step: FirstStep) -> Person:
    """The person of the first step; back to the beginning where the account has changed since."""
    person = db_session.get(Person, step.person_id)
    if person is None or person.is_disabled(moment()) or mark_of(person) != step.mark:
        session.clear()
        raise HTTPException(response=redirect(url_for("auth.login")))
    require_in_time(person, moment())
    return person
