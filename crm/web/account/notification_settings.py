"""Notification settings: which mails a person gets and when, and the unsubscribe link."""

from collections.abc import Collection
from typing import Any

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectMultipleField, StringField, widgets
from wtforms.validators import DataRequired, Length, Optional

from crm.base import unsubscribe_tokens
from crm.base.clock import civil_date
from crm.base.db import begin_to_write
from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.mail_kinds import MessageKind
from crm.extensions import csrf, db, limiter
from crm.mailing import service
from crm.mailing.channel_choices import Wish, choose_channels
from crm.mailing.channel_models import Channel as OutChannel
from crm.mailing.channel_queries import addresses, channels_for, chosen
from crm.mailing.channel_rules import LONGEST_ADDRESS
from crm.mailing.queries import mailed_kinds, quiet_hours
from crm.mailing.rules import FIXED, OPTIONAL, QuietHours, is_for
from crm.people.models import Person
from crm.web.auth import signed_in
from crm.web.date_fields import TimeField
from crm.web.errors import show_at_field
from crm.web.forms import cleaned, enum_choices
from crm.web.transaction import moment, transaction

bp = Blueprint("my_settings", __name__)
ONE_CLICK = ("List-Unsubscribe", "One-Click")  # what a mail program posts (RFC 8058)
WHAT_FOR = {
    MessageKind.MORNING_BRIEF: "工作日 7:45：当天的拜访、到期的跟进、新增线索",
    MessageKind.WEEKLY: "每周第一个工作日 7:30：上周完成情况和本周安排",
    MessageKind.MONTHLY: "每月第一个工作日 7:30：上月完成情况和招商成果",
    MessageKind.TEN_DAY: "每旬第一个工作日 8:00：所辖单位逾期的节点和需关注人员",
    MessageKind.NUDGE: "任务进度落后时，提前提醒",
    MessageKind.SETTLED: "定稿数据与月报的差异，以及领导月点评",
    MessageKind.REMINDER: "任务定稿为未达标时",
    MessageKind.ORDER: "督办单交办、答复、逾期时",
    MessageKind.ABSENCE_ANSWER: "请假批准、未批准，或批准后有变动时",
    MessageKind.CLAIM: "申报待您认定，或您申报的事项有了结果时",
    MessageKind.HANDOVER: "他人名下的事项转给您，或您名下的事项转出时",
    MessageKind.PROBLEM: "困难问题提出、转办、报送已解决、退回、销号时",
    MessageKind.ASSISTANCE: "其他单位申请协办您跟踪或主管的线索时",
    MessageKind.PROPOSAL: "他人建议修改您负责的企业信息，或您的建议有了结果时",
    MessageKind.BULK: "他人批量修改线索，由您跟踪、负责或跟进时",
    MessageKind.STANDSTILL: "定时任务停止五分钟以上时",
    MessageKind.DELEGATION: "他人授权您代理，或代理提前结束时",
    MessageKind.RETENTION: "每月 1 日 3:00：有联系人超过保存期限、待确认删除时",
    MessageKind.STAY_LAPSED: "所辖人员驻城结束后逾期未办结时，通知督查人员",
}


class Channel(LabeledEnum):
    """Where mails of a kind go."""

    BOTH = "both", "邮件和系统信箱"
    IN_APP = "in_app", "只存系统信箱"


class MailForm(FlaskForm):
    """The channel of each optional kind of mail, and the quiet hours."""

    begins = TimeField("开始", [Optional()])
    ends = TimeField("结束", [Optional()])

    @property
    def channel_fields(self) -> list[Any]:
        return [self[kind.value] for kind in OPTIONAL if kind.value in self]

    def by_mail(self) -> set[MessageKind]:
        return {
            MessageKind(field.name) for field in self.channel_fields if field.data is Channel.BOTH
        }

    def wishes(self, offered: Collection[OutChannel]) -> dict[int, Wish]:
        """What is wanted over each of these channels."""
        return {
            channel.id: Wish(
                self[f"kinds-{channel.id}"].data or (),
                self[f"address-{channel.id}"].data or "" if channel.needs_address else "",
            )
            for channel in offered
        }

    def fields_of(self, channel: OutChannel) -> list[Any]:
        """The fields about a channel."""
        return [field for field in self if field.name.endswith(f"-{channel.id}")]

    def quiet(self) -> QuietHours | None:
        """The quiet hours, if any; refused where one end is missing."""
        begins, ends = self.begins.data, self.ends.data
        if begins is None and ends is None:
            return None
        if begins is None or ends is None:
            raise Refused("required", field="ends" if begins else "begins")
        return QuietHours(begins, ends)


def _form(
    kinds: Collection[MessageKind], channels: Collection[OutChannel], person: Person, **given: Any
) -> MailForm:
    """The form with a field for each of these kinds and channels, which depend on the person."""
    fields: dict[str, Any] = {
        kind.value: RadioField(
            kind.label,
            [DataRequired("请选择接收方式。")],
            choices=enum_choices(Channel),
            coerce=Channel,
            description=WHAT_FOR[kind],
        )
        for kind in kinds
    }
    for channel in channels:
        fields |= _channel_fields(channel, person)
    return type("OwnMailForm", (MailForm,), fields)(**given)  # type: ignore[no-any-return]


def _channel_fields(channel: OutChannel, person: Person) -> dict[str, Any]:
    kinds = [kind for kind in WHAT_FOR if is_for(kind, person.role)]
    fields: dict[str, Any] = {
        f"kinds-{channel.id}": SelectMultipleField(
            channel.name,
            choices=enum_choices(kinds),
            coerce=MessageKind,
            option_widget=widgets.CheckboxInput(),
        )
    }
    if channel.needs_address:
        message = "最多 %(max)d 个字符。"
        fields[f"address-{channel.id}"] = StringField(
            "本人地址", [Length(max=LONGEST_ADDRESS, message=message)], filters=[cleaned]
        )
    return fields


def _channels(person: Person) -> list[OutChannel]:
    return channels_for(db.session, person.id, civil_date(moment()))


def _offered(person: Person) -> list[MessageKind]:
    return [kind for kind in OPTIONAL if is_for(kind, person.role)]


@bp.get("/me/settings")
def show() -> ResponseReturnValue:
    me = signed_in()
    by_mail, quiet = mailed_kinds(db.session, me.id), quiet_hours(db.session, me.id)
    channels = {
        kind.value: Channel.BOTH if kind in by_mail else Channel.IN_APP for kind in OPTIONAL
    }
    times = {"begins": quiet.begins, "ends": quiet.ends} if quiet else {}
    kinds, theirs = chosen(db.session, me.id), addresses(db.session, me.id)
    over = {f"kinds-{channel_id}": sorted(found) for channel_id, found in kinds.items()}
    at = {f"address-{channel_id}": address for channel_id, address in theirs.items()}
    data = {**channels, **times, **over, **at}
    return _page(_form(_offered(me), _channels(me), me, data=data))


@bp.post("/me/settings")
def save() -> ResponseReturnValue:
    me = signed_in()
    form = _form(_offered(me), _channels(me), me)
    if form.validate() and _save(form, me):
        flash("邮件设置已保存。", "success")
        return redirect(url_for(".show"))
    return _page(form), 422


def _save(form: MailForm, me: Person) -> bool:
    """Whether the choice was saved; if not, the form has the error."""
    try:
        with transaction() as session:
            # the choice on kinds that the form did not offer stays: the role may change back
            not_offered = mailed_kinds(session, me.id) - set(_offered(me))
            service.choose(
                session,
                person=me,
                by_mail=form.by_mail() | not_offered,
                quiet=form.quiet(),
                now=moment(),
            )
            wishes = form.wishes(_channels(me))
            choose_channels(session, person=me, wishes=wishes, now=moment())
    except Refused as refusal:
        show_at_field(form, refusal)
        return False

    return True


def _page(form: MailForm) -> str:
    # these cannot be switched off; the page lists them so that nobody looks for them
    fixed = [(kind.label, WHAT_FOR[kind]) for kind in FIXED]
    is_sent = current_app.config["SETTINGS"].mail != "mailbox"
    return render_template(
        "account/notifications.html",
        form=form,
        channels=[(each, form.fields_of(each)) for each in _channels(signed_in())],
        fixed=fixed,
        email=signed_in().email,
        is_sent=is_sent,
    )


@bp.get("/unsubscribe/<token>")
def unsubscribe(token: str) -> ResponseReturnValue:
    """Ask before unsubscribing: mail programs and scanners follow links too."""
    _, kind = _read_token(token)
    return render_template("account/unsubscribe.html", kind=kind, one_click=ONE_CLICK)


def _limit_key() -> str:
    """The rate limit counts by address and by the person whose mails the token stops."""
    secret: str = current_app.config["SETTINGS"].secret_key
    read = unsubscribe_tokens.read(secret, (request.view_args or {}).get("token", ""))
    return f"{request.remote_addr}:{read[0] if read else ''}"


@bp.post("/unsubscribe/<token>")
# a mail program posts without a session, so it has no CSRF token (RFC 8058)
@csrf.exempt  # type: ignore[untyped-decorator]
@limiter.limit("30 per minute", key_func=_limit_key)
def stop(token: str) -> ResponseReturnValue:
    """Stop mails of that kind, from the page or a mail program; the token is the authorization."""
    name, value = ONE_CLICK
    if request.form.get(name) != value:
        abort(400)

    person_id, kind = _read_token(token)
    # after the token was read: a stranger cannot hold the write lock
    begin_to_write(db.session)
    with transaction() as session:
        person = session.get(Person, person_id) or abort(404)
        service.unsubscribe(session, person=person, kind=kind, now=moment())

    return render_template("account/unsubscribe.html", kind=kind, one_click=None)


def _read_token(token: str) -> tuple[int, MessageKind]:
    secret: str = current_app.config["SETTINGS"].secret_key
    return unsubscribe_tokens.read(secret, token) or abort(404)
