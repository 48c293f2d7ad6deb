"""Channels and their messages, for tests of their delivery."""

from datetime import timedelta
from threading import Event

from sqlalchemy import select

from crm.base.outbox import Message, MessageKind, row_of
from crm.jobs.channels.delivery import ChannelDeliverer
from crm.jobs.channels.http import Limits, Line
from crm.mailing.announcing import put_and_announce
from crm.mailing.channel_models import Channel, ChannelBinding, ChannelHost
from crm.mailing.channel_rules import GROUP_KINDS, PLACEHOLDER, ChannelKind
from crm.transactions import transaction
from tests.conftest import NOW
from tests.databases import SECRET
from tests.factories import make_person

SHORT = Limits(connect=2, answer=0.5, when_stopped=0.2)
LOCAL = "127.0.0.1"


def make_channel(db, url, *, kind=ChannelKind.WECOM, host=LOCAL, **given):
    """A channel that a group is told all over; its host is listed as internal."""
    if host and not db.scalar(select(ChannelHost.id).where(ChannelHost.host == host)):
        db.add(ChannelHost(host=host, is_internal=True))
    values = {"name": f"渠道{kind.value}", "secret": None, "is_on": True, "takes_people": False}
    channel = Channel(
        kind=kind,
        url=url,
        needs_address=PLACEHOLDER in url,
        **{"unit_id": None, **values, **given},
    )
    db.add(channel)
    db.flush()
    db.add_all(ChannelBinding(channel_id=channel.id, kind=kind) for kind in GROUP_KINDS)
    db.flush()
    return channel


def tell(sessions, url, *usernames, kind=MessageKind.WEEKLY, **given):
    """A message to each new person of these names; the id of the channel that tells of them."""
    with transaction(sessions) as db:
        channel = make_channel(db, url, **given)
        for username in usernames or ("li",):
            put_and_announce(db, [row_for(make_person(db, username), kind)])
        return channel.id


def deliver(sessions, *, line=None, stopped=None, **later):
    """What a worker does at NOW, or so much later."""
    moment = NOW + timedelta(**later)
    stopped = stopped or Event()
    line = line or Line(stopped, SHORT)
    return ChannelDeliverer(sessions, SECRET, lambda: moment, stopped, line).deliver_all()


def told(sessions):
    """What channels were told, in order."""
    with sessions() as db:
        rows = select(Message).where(Message.channel_id.is_not(None)).order_by(Message.id)
        return db.scalars(rows).all()


def only(sessions):
    [message] = told(sessions)
    return message


def row_for(person, kind, *, at=NOW):
    """A mail to the person, with a canary in all its words."""
    return row_of(
        kind=kind,
        dedupe_key=f"{kind}:zone:{person.username}:2026-W28:-",
        person=person,
        subject="第28周周报 金丝雀公司",
        text="金丝雀公司",
        html="<p>金丝雀公司</p>",
        at=at,
    )
