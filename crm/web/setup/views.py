"""The page of the first run: the zone's name and its first admin, behind a code of the console."""

from flask import Blueprint, current_app, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, EqualTo, Length

from crm.base.cells import Cells, Email, read_cells
from crm.base.errors import Refused
from crm.extensions import db, limiter
from crm.jobs.ledger import installed_at
from crm.people import service
from crm.people.first_run import FirstAdmin, is_code, is_nobody_there, set_up, setup_code
from crm.people.sign_in_profiles import password_rules
from crm.web.account.views import password_hint
from crm.web.auth import begin_session
from crm.web.forms import cleaned, show_refusal
from crm.web.transaction import moment, transaction

bp = Blueprint("setup", __name__, url_prefix="/setup")
_line = Length(max=200, message="最多 %(max)d 个字。")


class SetupForm(FlaskForm):
    """What an installation cannot know by itself."""

    code = StringField("验证码", [DataRequired("请填写验证码。"), _line], filters=[cleaned])
    zone_name = StringField(
        "开发区名称", [DataRequired("请填写开发区名称。"), _line], filters=[cleaned]
    )
    name = StringField("姓名", [DataRequired("请填写姓名。"), _line], filters=[cleaned])
    username = StringField("账号", [DataRequired("请填写账号。"), _line], filters=[cleaned])
    email = StringField("邮箱", [_line], filters=[cleaned])
    password = PasswordField("密码", [DataRequired("请填写密码。"), _line])
    again = PasswordField(
        "再次输入密码",
        [DataRequired("请再次输入密码。"), EqualTo("password", "两次输入的密码不一致。")],
    )


class Contact(Cells):
    email: Email


@bp.get("")
def show() -> ResponseReturnValue:
    """The form, while nobody is there."""
    if not is_nobody_there(db.session):
        return redirect(url_for("auth.login"))
    return _page(SetupForm())


@bp.post("")
@limiter.limit("20 per minute")
def create() -> ResponseReturnValue:
    """Enter the first admin and sign them in."""
    if not is_nobody_there(db.session):
        return redirect(url_for("auth.login"))
    form = SetupForm()
    if form.validate():
        try:
            _set_up(form)
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            return redirect(url_for("admin.begin"))
    return _page(form), 422


def _page(form: SetupForm) -> str:
    return render_template(
        "setup/show.html", form=form, password_hint=password_hint(password_rules(db.session))
    )


def _set_up(form: SetupForm) -> None:
    since = installed_at(db.session)
    if since is None:
        raise Refused("not_installed")
    code = setup_code(current_app.config["SECRET_KEY"], since)
    if not is_code(form.code.data or "", code):
        raise Refused("wrong_setup_code", field="code")
    contact = read_cells(Contact, {"email": form.email.data or ""})
    username, rules = form.username.data or "", password_rules(db.session)
    admin = FirstAdmin(
        username=username,
        name=form.name.data or "",
        email=contact.email,
        password_hash=service.hash_password(username, form.password.data or "", rules=rules),
    )
    with transaction() as session:
        person = set_up(session, zone_name=form.zone_name.data or "", admin=admin, now=moment())
        begin_session(person)
