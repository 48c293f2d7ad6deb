"""The page of the mail server: enter it, and try it with a mail whose conversation is shown."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import quote

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import PasswordField, RadioField, StringField
from wtforms.validators import DataRequired, Length, NumberRange, Optional, ValidationError

from crm.base.addresses import BadAddressError, normalize_address, parse_address
from crm.base.clock import civil
from crm.base.errors import Refused
from crm.extensions import db
from crm.jobs.mail_route import MailRoute, enter_mail_server, mail_route, remove_mail_server
from crm.jobs.smtp import Security, SmtpServer
from crm.jobs.smtp_trial import Trial, try_mail
from crm.web.auth import signed_in
from crm.web.forms import WholeNumber, cleaned, enum_choices, show_refusal
from crm.web.site import mail_settings
from crm.web.transaction import moment, release, transaction

bp = Blueprint("mail_server", __name__)
LARGEST_PORT = 65_535
PORT = f"请填写 1 到 {LARGEST_PORT} 之间的整数，或留空。"
_line = Length(max=200, message="最多 %(max)d 个字。")


class MailServerForm(FlaskForm):
    """A server, and in whose name it sends."""

    host = StringField("服务器地址", [DataRequired("请填写服务器地址。"), _line], filters=[cleaned])
    security = RadioField("加密方式", choices=enum_choices(Security), default=Security.TLS.value)
    port = WholeNumber("端口", [Optional(), NumberRange(1, LARGEST_PORT, PORT)], message=PORT)
    user = StringField("账号", [_line], filters=[cleaned])
    password = PasswordField("密码或授权码", [_line])
    sender = StringField("发件人", [DataRequired("请填写发件人。"), _line], filters=[cleaned])

    def validate_host(self, field: StringField) -> None:
        """A name or an address, and nothing that would make another URL of it."""
        if not set(str(field.data)).isdisjoint("/@?#: "):
            message = "只填服务器的域名或 IP 地址，例如 smtp.example.cn。"
            raise ValidationError(message)

    def validate_sender(self, field: StringField) -> None:
        """An address, which may have a name."""
        try:
            parse_address(str(field.data))
        except BadAddressError:
            message = "应为邮箱地址，例如 招商系统 <zhaoshang@example.cn>。"
            raise ValidationError(message) from None

    def url(self, password: str) -> str:
        """The server as `CRM_MAIL` has it."""
        security = Security(self.security.data)
        user = quote(self.user.data or "", safe="")
        account = f"{user}:{quote(password, safe='')}@" if user else ""
        scheme = "smtps" if security is Security.TLS else "smtp"
        port = f":{self.port.data}" if self.port.data else ""
        query = "?starttls=1" if security is Security.STARTTLS else ""
        return f"{scheme}://{account}{self.host.data}{port}{query}"


class TrialForm(FlaskForm):
    """To whom the test mail goes."""

    recipient = StringField(
        "收件邮箱", [DataRequired("请填写收件邮箱。"), _line], filters=[cleaned]
    )

    def validate_recipient(self, field: StringField) -> None:
        """An address."""
        try:
            normalize_address(str(field.data))
        except BadAddressError:
            message = "这不是邮箱地址，请检查。"
            raise ValidationError(message) from None


@bp.get("/admin/mail-server")
def show() -> ResponseReturnValue:
    """Where mails go now."""
    route = _route()
    return _page(route, _filled(route), TrialForm(data={"recipient": signed_in().email}))


@bp.post("/admin/mail-server")
def save() -> ResponseReturnValue:
    """Send mails over that server from now on; an empty password stays as it was."""
    form, route = MailServerForm(), _route()
    if form.validate():
        try:
            with transaction() as session:
                url = form.url(form.password.data or _kept_password(form, route.server))
                enter_mail_server(
                    session,
                    url=url,
                    sender=form.sender.data or "",
                    own=mail_settings(),
                    by=signed_in(),
                    now=moment(),
                )
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            flash("已保存，今后的邮件由该服务器发出。请发送一封测试邮件。", "success")
            return redirect(url_for(".show"))
    return _page(route, form, TrialForm(formdata=None)), 422


@bp.post("/admin/mail-server/remove")
def remove() -> ResponseReturnValue:
    """Leave mails in the mailbox again."""
    with transaction() as session:
        remove_mail_server(session, own=mail_settings(), by=signed_in(), now=moment())
    flash("已停用邮件服务器，邮件只存入站内信箱。", "success")
    return redirect(url_for(".show"))


@bp.post("/admin/mail-server/trial")
def trial() -> ResponseReturnValue:
    """Send a test mail and show what was said."""
    form, route, now = TrialForm(), _route(), moment()
    if route.server is None:
        flash("尚未设置邮件服务器，请先填写并保存。", "warning")
        return redirect(url_for(".show"))
    if form.validate():
        recipient = form.recipient.data or ""
        mime = _test_mail(route.sender, recipient, format_datetime(civil(now)))
        # a server that is slow holds no transaction
        release()
        made = try_mail(route.server, sender=route.sender, recipient=recipient, mime=mime)
        return _page(route, _filled(route), form, made)
    return _page(route, _filled(route), form), 422


def _route() -> MailRoute:
    """Where mails go; as to the mailbox where another secret key has sealed the server."""
    try:
        return mail_route(db.session, mail_settings())
    except Refused:
        flash("密钥（CRM_SECRET_KEY）已更换，请重新填写邮件服务器。", "warning")
        return MailRoute(None, mail_settings().sender)


def _filled(route: MailRoute) -> MailServerForm:
    server = route.server
    if server is None:
        return MailServerForm(formdata=None, sender=route.sender)
    return MailServerForm(
        formdata=None,
        host=server.host,
        security=server.security.value,
        port=server.port,
        user=server.user,
        sender=route.sender,
    )


def _kept_password(form: MailServerForm, server: SmtpServer | None) -> str:
    """The password that was there, for the same account of the same server only."""
    is_same = server and (server.host, server.user) == (form.host.data, form.user.data)
    return (server.password or "") if server and is_same else ""


def _test_mail(sender: str, recipient: str, date: str) -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Date"] = parse_address(sender), recipient, date
    mail["Subject"] = "测试邮件"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("这是一封测试邮件，收到即表示招商系统可以通过该服务器发信。\n")
    return mail.as_bytes()


def _page(
    route: MailRoute, form: MailServerForm, trial_form: TrialForm, made: Trial | None = None
) -> str:
    return render_template(
        "admin/mail_server.html",
        route=route,
        is_fixed=mail_settings().is_fixed,
        form=form,
        trial_form=trial_form,
        trial=made,
    )
