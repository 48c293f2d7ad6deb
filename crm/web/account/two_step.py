"""Two-step sign-in on the account page: set up, recovery codes, removal."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from crm.base.errors import Refused
from crm.extensions import db
from crm.people import second_factor
from crm.people.login_attempts import Attempt, uncount_attempt
from crm.web.access_check import begin_write_late
from crm.web.auth import (
    check_password,
    has_proved_lately,
    note_proof,
    open_session,
    signed_in,
)
from crm.web.errors import refusal_text, show_at_field
from crm.web.forms import cleaned
from crm.web.site import site
from crm.web.transaction import moment, release, transaction

bp = Blueprint("two_step", __name__, url_prefix="/me/two-step")
QR_SCALE = 4  # pixels a module


class ConfirmForm(FlaskForm):
    """The first code of the app that is set up."""

    code = StringField("验证码", [InputRequired("请填写验证码。")], filters=[cleaned])


class ProofForm(FlaskForm):
    """The password, typed again before the way of signing in is changed."""

    password = PasswordField("当前密码", [InputRequired("请填写当前密码。")])


@bp.get("")
def show() -> ResponseReturnValue:
    """How the person signs in, and what can be done about it."""
    return _page()


def _page(confirm: ConfirmForm | None = None, proof: ProofForm | None = None) -> str:
    person, key = signed_in(), site().secret
    state = second_factor.factor_state(db.session, person, key=key)
    # whoever finds the browser open may see no secret
    secret = state.pending if has_proved_lately() else None
    opened = open_session()

    return render_template(
        "account/two_step.html",
        person=person,
        state=state,
        is_required=opened is not None and opened.rules.requires_second_factor(person),
        may_change=has_proved_lately(),
        secret=_in_groups(secret) if secret else None,
        qr=_qr(second_factor.provisioning_uri(person, secret)) if secret else None,
        confirm=confirm or ConfirmForm(formdata=None),
        proof=proof or ProofForm(formdata=None),
    )


def _qr(uri: str) -> str:
    """The QR code as an image that stands in the page: no file holds the secret."""
    import segno  # noqa: PLC0415 - 0.7 MiB, to set up an app

    return segno.make(uri, error="m").svg_data_uri(scale=QR_SCALE, border=3, light="#fff")


def _in_groups(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


@bp.post("/password")
def prove() -> ResponseReturnValue:
    """Check the password again, for whoever signed in some time ago."""
    form = ProofForm()
    if form.validate():
        try:
            _prove(form.password.data or "")
        except Refused as refusal:
            show_at_field(form, refusal)
        else:
            return redirect(url_for(".show"))
    return _page(proof=form), 422


def _prove(password: str) -> None:
    known, browser = signed_in(), f"session-{current_user.login.id}"
    attempt = Attempt(known.id, str(known.id), request.remote_addr or "", browser)
    release()
    check_password(known, password, attempt, Refused("wrong_old_password", field="password"))

    begin_write_late()
    with transaction() as session:
        uncount_attempt(session, attempt, now=moment())
    note_proof()


@bp.post("/begin")
def begin() -> ResponseReturnValue:
    """Make a secret for the app."""
    if has_proved_lately():
        with transaction() as session:
            key = site().secret
            second_factor.begin_setup(session, person=signed_in(), key=key, now=moment())
    return redirect(url_for(".show"))


@bp.post("/confirm")
def confirm() -> ResponseReturnValue:
    """Take the app into use, and show the recovery codes this once."""
    form = ConfirmForm()
    if not has_proved_lately():
        return redirect(url_for(".show"))
    if form.validate():
        try:
            with transaction() as session:
                codes = second_factor.confirm_setup(
                    session,
                    person=signed_in(),
                    code=form.code.data or "",
                    key=site().secret,
                    now=moment(),
                )
        except Refused as refusal:
            show_at_field(form, refusal)
        else:
            return _codes_page(codes)
    return _page(confirm=form), 422


@bp.post("/codes")
def make_codes() -> ResponseReturnValue:
    """Make new recovery codes, and show them this once."""
    if not has_proved_lately():
        return redirect(url_for(".show"))
    try:
        with transaction() as session:
            codes = second_factor.make_recovery_codes(session, person=signed_in(), now=moment())
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
        return redirect(url_for(".show"))
    return _codes_page(codes)


def _codes_page(codes: list[str]) -> str:
    return render_template("account/recovery_codes.html", codes=codes, person=signed_in())


@bp.post("/remove")
def remove() -> ResponseReturnValue:
    """Sign in by the password alone again."""
    if not has_proved_lately():
        return redirect(url_for(".show"))
    try:
        with transaction() as session:
            second_factor.remove_second_factor(session, person=signed_in(), now=moment())
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        flash("两步验证已停用。", "success")
    return redirect(url_for(".show"))
