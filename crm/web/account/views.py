"""The account page: contact data, password, entry grants and signed-in devices."""

from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, EqualTo, Length

from crm.base import formatting
from crm.base.cells import Cells, Email, Phone, read_cells
from crm.base.errors import Refused
from crm.extensions import db
from crm.people import accounts, calendar_feeds, service, sessions
from crm.people.calendar_feeds import open_feed
from crm.people.login_attempts import Attempt, uncount_attempt
from crm.people.password_rules import PasswordRules
from crm.people.rules import IN_BUSINESS, WITH_RECORDS
from crm.people.sessions import open_sessions, session_of
from crm.people.sign_in_profiles import password_demands, password_rules
from crm.web.access import ACCESS
from crm.web.access_check import begin_write_late
from crm.web.auth import begin_session, check_password, open_session, signed_in
from crm.web.forms import LARGEST_ID, cleaned, show_refusal
from crm.web.people.entry_grants import grant_rows
from crm.web.site import site
from crm.web.transaction import moment, release, today, transaction

bp = Blueprint("me", __name__, url_prefix="/me")
_line = Length(max=200, message="最多 %(max)d 个字。")
# endpoint, label, icon, description: further pages about the signed-in person
LINKS = (
    ("mailbox.listing", "信箱", "mail", "系统发送给您的周报、月报和提醒"),
    ("my_settings.show", "邮件设置", "mail-cog", "设置接收的邮件和免打扰时段"),
    ("delegations.mine", "授权代理", "user-check", "休假、外出期间由他人代为确认和办理"),
    ("tokens.listing", "接口令牌", "key", "供其他程序以您的名义查询和登记"),
    ("two_step.show", "两步验证", "shield-lock", "登录时除密码外，再输入手机验证器上的验证码"),
    ("privacy.show", "个人信息说明", "info-circle", "登记哪些联系人信息、用途、期限和查询办法"),
)
# The first mark found wins: Edge names Chrome, too, and Chrome names Safari.
BROWSERS = (
    ("MicroMessenger", "微信"),
    ("Edg", "Edge 浏览器"),
    ("Firefox", "Firefox 浏览器"),
    ("Chrome", "Chrome 浏览器"),
    ("Safari", "Safari 浏览器"),
)
# Android names Linux, too, and an iPhone names Mac OS.
SYSTEMS = (
    ("Android", "安卓手机"),
    ("HarmonyOS", "鸿蒙手机"),
    ("iPhone", "苹果手机"),
    ("Windows", "Windows 电脑"),
    ("Mac OS", "苹果电脑"),
    ("Linux", "Linux 电脑"),
)


class Contact(Cells):
    email: Email
    phone: Phone


class ContactForm(FlaskForm):
    email = StringField("邮箱", [_line], filters=[cleaned])
    phone = StringField("电话", [_line], filters=[cleaned])


class PasswordForm(FlaskForm):
    old = PasswordField("当前密码", [DataRequired("请填写当前密码。")])
    password = PasswordField("新密码", [DataRequired("请填写新密码。"), _line])
    again = PasswordField(
        "再次输入新密码",
        [DataRequired("请再次输入新密码。"), EqualTo("password", "两次输入的新密码不一致。")],
    )


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    label: str
    icon: str
    description: str


@dataclass(frozen=True, slots=True)
class Device:
    """A browser with an open session."""

    id: int
    name: str
    begun: str
    seen: str
    address: str
    is_this: bool


@bp.get("")
def show() -> ResponseReturnValue:
    return _page(ContactForm(obj=signed_in()), PasswordForm())


def _page(contact: ContactForm, password: PasswordForm, feed_url: str = "") -> str:
    return render_template(
        "account/show.html",
        person=signed_in(),
        contact=contact,
        password=password,
        devices=_devices(),
        grants=grant_rows(db.session, signed_in(), is_mine=True),
        new_url=url_for("entry_grants.new_mine"),
        links=[
            Link(url_for(endpoint), *texts)
            for endpoint, *texts in LINKS
            if signed_in().role in ACCESS[endpoint]
        ],
        feed_url=feed_url,
        feed=open_feed(db.session, signed_in().id),
        has_feed=signed_in().role in WITH_RECORDS,
        has_grants=signed_in().role in IN_BUSINESS,
        password_hint=password_hint(password_rules(db.session)),
        must_change=_must_change(),
    )


def password_hint(rules: PasswordRules) -> str:
    """What is asked of a new password."""
    parts = [f"至少 {rules.shortest} 个字符"]
    if rules.character_kinds:
        parts.append(f"含大写字母、小写字母、数字、其他字符中的 {rules.character_kinds} 种")
    if rules.history:
        parts.append(f"不与最近 {rules.history} 次的密码相同")
    return "，".join(parts)


def _must_change() -> str:
    """Why the password must be changed before anything else; empty where it need not be."""
    opened = open_session()
    if opened is None or not opened.must_change_password(moment()):
        return ""
    if opened.login.person.is_password_temporary:
        return "您正在使用临时密码，请先设置新密码，再办理业务。"
    return f"密码已使用超过 {opened.rules.expires_days} 天，请先设置新密码，再办理业务。"


@bp.post("")
def change() -> ResponseReturnValue:
    person, form = signed_in(), ContactForm()

    if form.validate():
        try:
            cells = {"email": form.email.data or "", "phone": form.phone.data or ""}
            contact = read_cells(Contact, cells).model_dump()
            with transaction() as session:
                service.change_person(
                    session,
                    person=person,
                    name=person.name,
                    role=person.role,
                    by=person,
                    now=moment(),
                    **contact,
                )
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            flash("已保存。", "success")
            return redirect(url_for(".show"))

    # the other form of the page was not sent, and stays empty
    return _page(form, PasswordForm(formdata=None)), 422


@bp.post("/password")
def set_password() -> ResponseReturnValue:
    """Change the password; all other devices are signed out."""
    form = PasswordForm()
    if form.validate():
        try:
            _change_password(form.old.data or "", form.password.data or "")
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            flash("密码已修改，其他设备均已退出。", "success")
            return redirect(url_for("myday.show"))
    return _page(ContactForm(formdata=None, obj=signed_in()), form), 422


def _change_password(old: str, new: str) -> None:
    known, now = signed_in(), moment()
    demands = password_demands(db.session, known)
    browser = f"session-{current_user.login.id}"  # limits the attempts of this session alone
    attempt = Attempt(known.id, str(known.id), request.remote_addr or "", browser)

    release()  # verifying and hashing are slow: hold no transaction meanwhile
    check_password(known, old, attempt, Refused("wrong_old_password", field="old"))
    if new == old:
        raise Refused("same_password", field="password")
    hashed = service.hash_password(known.username, new, rules=demands.rules, former=demands.former)

    begin_write_late()
    with transaction() as session:
        # read again: `known` is detached, and the account may have changed
        person = signed_in()
        service.change_own_password(
            session, person=person, known_hash=known.password_hash, password_hash=hashed, now=now
        )
        uncount_attempt(session, attempt, now=now)
        begin_session(person)


@bp.post("/sign-out-elsewhere")
def sign_out_elsewhere() -> ResponseReturnValue:
    """End all other sessions of the signed-in person."""
    with transaction() as session:
        person, this = signed_in(), current_user.login.id
        count = accounts.sign_out_elsewhere(
            session, person=person, but_id=this, by=person, now=moment()
        )
    flash(f"已退出其他设备（{count} 处）。" if count else "暂无其他设备登录。", "success")
    return redirect(url_for(".show"))


@bp.post(f"/sign-out-device/<int(max={LARGEST_ID}):session_id>")
def sign_out_device(session_id: int) -> ResponseReturnValue:
    """End one other session of the signed-in person."""
    if session_id == current_user.login.id:
        abort(404)  # this one is ended by signing out
    with transaction() as session:
        login = session_of(session, signed_in().id, session_id) or abort(404)
        sessions.end(session, login=login, by=signed_in(), now=moment())
    flash("已退出该设备。", "success")
    return redirect(url_for(".show", _anchor="devices"))


@bp.post("/calendar-feed")
def make_feed() -> ResponseReturnValue:
    """Make the address of my calendar, and show it this once; an earlier one ends."""
    with transaction() as session:
        token = calendar_feeds.make_feed(session, person=signed_in(), now=moment())
    url = site().base_url + url_for("visit_calendar.feed", token=token)
    return _page(ContactForm(formdata=None, obj=signed_in()), PasswordForm(formdata=None), url)


@bp.post("/calendar-feed/end")
def end_feed() -> ResponseReturnValue:
    """End the address of my calendar."""
    with transaction() as session:
        calendar_feeds.end_feed(session, person=signed_in(), now=moment())
    flash("日历订阅地址已停用。", "success")
    return redirect(url_for(".show", _anchor="feed"))


def _devices() -> list[Device]:
    this = current_user.login.id

    return [
        Device(
            login.id,
            device_name(login.browser or ""),
            formatting.moment(login.begun_at, today()),
            formatting.moment(login.seen_at, today()),
            login.address or "",
            login.id == this,
        )
        for login in open_sessions(db.session, signed_in().id, now=moment())
    ]


def device_name(browser: str) -> str:
    """System and browser in Chinese, so that the owner recognizes the device."""
    system = next((name for mark, name in SYSTEMS if mark in browser), "其他设备")
    program = next((name for mark, name in BROWSERS if mark in browser), "")
    return f"{system} {program}".strip()
