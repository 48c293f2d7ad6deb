"""Channels: an admin adds, changes, tries and switches them off, and lists the allowed hosts."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.extensions import db
from crm.jobs.channels.destinations import destination_of
from crm.jobs.channels.trial import Trial, try_out
from crm.mailing import channels as service
from crm.mailing.channel_models import Channel, ChannelHost
from crm.mailing.channel_queries import bound_kinds, channels, hosts
from crm.mailing.channel_rules import ChannelKind
from crm.mailing.channel_secrets import opened, opens
from crm.people.queries import unit_tree
from crm.web.access_check import begin_write_late
from crm.web.auth import signed_in
from crm.web.channels.forms import WHOLE_ZONE, ChannelForm, HostForm
from crm.web.forms import LARGEST_ID, is_saved
from crm.web.people.forms import offer_units
from crm.web.site import site
from crm.web.transaction import moment, release, transaction

bp = Blueprint("channels", __name__, url_prefix="/admin/channels")
ONE = f"/<int(max={LARGEST_ID}):channel_id>"
HOST = f"/hosts/<int(max={LARGEST_ID}):host_id>"


@bp.get("")
def listing() -> ResponseReturnValue:
    """All channels, and the hosts that they may lead to."""
    return _listing(HostForm(formdata=None))


@bp.get("/new/<kind>")
def new(kind: str) -> ResponseReturnValue:
    form = ChannelForm(formdata=None, data={"is_on": True})
    return _page(form, _kind_or_404(kind))


@bp.post("/new/<kind>")
def create(kind: str) -> ResponseReturnValue:
    """Add a channel; the secret that signs its events is shown this once."""
    form, found = _offered(ChannelForm()), _kind_or_404(kind)
    added: list[Channel] = []

    def change(session: Session) -> None:
        values = form.values()
        by, now = signed_in(), moment()
        added[:] = [
            service.add_channel(session, kind=found, data=values, key=site().secret, by=by, now=now)
        ]

    if not (form.validate() and is_saved(form, change)):
        return _page(form, found), 422
    if found is ChannelKind.WEBHOOK:
        return _secret_page(added[0], opened(added[0].secret or "", site().secret))
    flash("渠道已添加，请发送测试消息。", "success")
    return redirect(url_for(".edit", channel_id=added[0].id))


@bp.get(ONE)
def edit(channel_id: int) -> ResponseReturnValue:
    channel = _channel_or_404(channel_id)
    if not opens(channel, site().secret):
        flash("密钥（CRM_SECRET_KEY）已更换，请重新填写地址和密钥，保存后才能发送。", "warning")
    return _page(_form_of(channel), channel.kind, channel)


@bp.post(ONE)
def change(channel_id: int) -> ResponseReturnValue:
    form = _offered(ChannelForm())

    def save(session: Session) -> None:
        service.change_channel(
            session,
            channel=_channel_or_404(channel_id),
            data=form.values(),
            key=site().secret,
            by=signed_in(),
            now=moment(),
        )

    if form.validate() and is_saved(form, save):
        flash("已保存。", "success")
        return redirect(url_for(".listing"))
    # read again: the refusal rolled the transaction back
    channel = _channel_or_404(channel_id)
    return _page(form, channel.kind, channel), 422


@bp.post(f"{ONE}/test")
def test(channel_id: int) -> ResponseReturnValue:
    """Send a test message at once, and show what the receiver answers."""
    channel = _channel_or_404(channel_id)
    if not opens(channel, site().secret):
        return redirect(url_for(".edit", channel_id=channel_id))  # which says why
    if channel.needs_address:
        flash("这个渠道按个人地址发送，请在“邮件设置”中登记地址后由实际消息检验。", "warning")
        return redirect(url_for(".edit", channel_id=channel_id))
    destination = destination_of(db.session, channel_id, site().secret)
    # the receiver may take its time: no transaction is held meanwhile
    release()
    result = try_out(destination, site=site(), now=moment())
    begin_write_late()
    with transaction() as session:
        service.note_test(
            session,
            channel=_channel_or_404(channel_id),
            answer=result.words,
            by=signed_in(),
            now=moment(),
        )
    channel = _channel_or_404(channel_id)
    return _page(_form_of(channel), channel.kind, channel, result)


@bp.post(f"{ONE}/secret")
def renew_secret(channel_id: int) -> ResponseReturnValue:
    """Another secret, shown this once."""
    with transaction() as session:
        channel = _channel_or_404(channel_id)
        if channel.kind is not ChannelKind.WEBHOOK:
            abort(404)  # the others sign with a secret of their service, and have no such button
        key, by, now = site().secret, signed_in(), moment()
        secret = service.renew_secret(session, channel=channel, key=key, by=by, now=now)
    return _secret_page(_channel_or_404(channel_id), secret)


@bp.post("/hosts")
def add_host() -> ResponseReturnValue:
    form = HostForm()

    def save(session: Session) -> None:
        service.add_host(
            session,
            host=form.host.data or "",
            is_internal=bool(form.is_internal.data),
            by=signed_in(),
            now=moment(),
        )

    if form.validate() and is_saved(form, save):
        flash("主机已列入。", "success")
        return redirect(url_for(".listing"))
    return _listing(form), 422


@bp.post(f"{HOST}/remove")
def remove_host(host_id: int) -> ResponseReturnValue:
    with transaction() as session:
        host = session.get(ChannelHost, host_id) or abort(404)
        service.remove_host(session, host=host, by=signed_in(), now=moment())
    flash("主机已移出，不再向其发送。", "success")
    return redirect(url_for(".listing"))


def _listing(form: HostForm) -> str:
    units = {node.unit.id: node.unit.name for node in unit_tree(db.session)}
    rows = [
        (channel, units.get(channel.unit_id or 0, WHOLE_ZONE), bound_kinds(db.session, channel.id))
        for channel in channels(db.session)
    ]
    return render_template(
        "channels/listing.html",
        channels=rows,
        hosts=hosts(db.session),
        form=form,
        offered=tuple(ChannelKind),
    )


def _page(
    form: ChannelForm, kind: ChannelKind, channel: Channel | None = None, trial: Trial | None = None
) -> str:
    return render_template(
        "channels/edit.html", form=_offered(form), kind=kind, channel=channel, trial=trial
    )


def _secret_page(channel: Channel, secret: str) -> str:
    return render_template("channels/secret.html", channel=channel, secret=secret)


def _form_of(channel: Channel) -> ChannelForm:
    names = ("name", "unit_id", "is_on", "takes_people")
    stored = {name: getattr(channel, name) for name in names}
    kinds = bound_kinds(db.session, channel.id)
    return ChannelForm(formdata=None, data=stored | {"kinds": kinds})


def _offered(form: ChannelForm) -> ChannelForm:
    offer_units(form.unit_id, unit_tree(db.session), empty=WHOLE_ZONE)
    return form


def _channel_or_404(channel_id: int) -> Channel:
    return db.session.get(Channel, channel_id) or abort(404)


def _kind_or_404(kind: str) -> ChannelKind:
    return next((known for known in ChannelKind if known == kind), None) or abort(404)
