"""Channels and the hosts that they may lead to, kept by an admin."""

from collections.abc import Collection
from datetime import datetime
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.errors import Refused
from crm.base.outbox import Message, MessageKind, State
from crm.base.value_class import value_class
from crm.mailing.channel_models import Channel, ChannelBinding, ChannelHost
from crm.mailing.channel_queries import allowed_hosts, bound_kinds
from crm.mailing.channel_rules import (
    GROUP_KINDS,
    PLACEHOLDER,
    SHIPPED_HOSTS,
    ChannelKind,
    parse_apprise,
    parse_host,
    parse_target,
    require_allowed,
)
from crm.mailing.channel_secrets import opened, opens, sealed
from crm.people.models import Person, Unit
from crm.people.rules import SYSTEM

SWITCHED_OFF = "渠道已停用，不再发送"
SECRET_BYTES = 32
STORED = "已保存"  # all that the trail says of a URL or a secret


@value_class(kw_only=True)
class ChannelData:
    """A channel's values; an empty URL or secret leaves the one that is stored."""

    name: str
    unit_id: int | None
    url: str = ""
    secret: str = ""
    is_on: bool = True
    takes_people: bool = False
    kinds: Collection[MessageKind] = ()


def add_channel(  # noqa: PLR0913 - a channel is its kind and values, sealed with the key
    db: Session, *, kind: ChannelKind, data: ChannelData, key: str, by: Person, now: datetime
) -> Channel:
    """Add a channel; that of the zone's own system gets a secret.

    Refused as `not_yours`, `name_taken`, `no_such_unit`, `required`, and as the rules on URLs.
    """
    if not data.url.strip():
        raise Refused("required", field="url")
    _check(db, kind, data, by, None)
    channel = Channel(kind=kind, **_columns(kind, data))
    _store_url(channel, data.url.strip(), key)
    secret = token_urlsafe(SECRET_BYTES) if kind is ChannelKind.WEBHOOK else data.secret.strip()
    channel.secret = sealed(secret, key) if kind.signs and secret else None
    db.add(channel)
    db.flush()
    _bind(db, channel, data.kinds)
    after = {"kind": kind, "url": STORED, **_columns(kind, data), **_kinds(data.kinds)}
    record(db, "channel.added", channel, by=by, at=now, after=after)
    return channel


def change_channel(  # noqa: PLR0913 - as above
    db: Session, *, channel: Channel, data: ChannelData, key: str, by: Person, now: datetime
) -> None:
    """Change a channel; what waits for one that is switched off is not sent any more.

    Refused as for `add_channel`.
    """
    _check(db, channel.kind, data, by, channel)
    before_kinds = bound_kinds(db, channel.id)
    before, after = changes(channel, _columns(channel.kind, data))
    after |= _store_hidden(channel, data, key)
    if set(before_kinds) != set(data.kinds):
        before |= _kinds(before_kinds)
        after |= _kinds(data.kinds)
        _bind(db, channel, data.kinds)
    if not after:
        return

    if not channel.is_on:
        _skip_waiting(db, channel.id)
    record(db, "channel.changed", channel, by=by, at=now, before=before, after=after)


def renew_secret(db: Session, *, channel: Channel, key: str, by: Person, now: datetime) -> str:
    """Another secret for the zone's own system; the former one signs nothing from now on."""
    _require_admin(by)
    if channel.kind is not ChannelKind.WEBHOOK:
        raise Refused("not_yours")
    secret = token_urlsafe(SECRET_BYTES)
    channel.secret = sealed(secret, key)
    record(db, "channel.changed", channel, by=by, at=now, after={"secret": STORED})
    return secret


def note_test(db: Session, *, channel: Channel, answer: str, by: Person, now: datetime) -> None:
    """Write down that an admin tried the channel, and what it answered."""
    record(db, "channel.tested", channel, by=by, at=now, after={"answer": answer})


def add_host(
    db: Session, *, host: str, is_internal: bool, by: Person, now: datetime
) -> ChannelHost:
    """Allow channels to lead to a host; refused as `not_yours`, `bad_host`, `name_taken`."""
    _require_admin(by)
    name = parse_host(host)
    if name in allowed_hosts(db):
        raise Refused("name_taken", field="host", name=name)
    row = ChannelHost(host=name, is_internal=is_internal)
    db.add(row)
    db.flush()
    after = {"host": name, "is_internal": is_internal}
    record(db, "channel_host.added", row, by=by, at=now, after=after)
    return row


def plant_hosts(db: Session, *, now: datetime) -> int:
    """List the hosts of the messengers where no host is listed; how many."""
    if allowed_hosts(db):
        return 0
    rows = [ChannelHost(host=host, is_internal=False) for host in SHIPPED_HOSTS]
    db.add_all(rows)
    db.flush()
    for row in rows:
        record(db, "channel_host.added", row, by=None, at=now, after={"host": row.host})
    return len(rows)


def remove_host(db: Session, *, host: ChannelHost, by: Person, now: datetime) -> None:
    """Allow the host no more: from now on nothing is sent there."""
    _require_admin(by)
    record(db, "channel_host.removed", host, by=by, at=now, before={"host": host.host})
    db.delete(host)


def _require_admin(by: Person) -> None:
    if by.role not in SYSTEM:
        raise Refused("not_yours")


def _check(
    db: Session, kind: ChannelKind, data: ChannelData, by: Person, current: Channel | None
) -> None:
    _require_admin(by)
    same = db.scalar(select(Channel.id).where(Channel.name == data.name.strip()))
    if same not in (None, current.id if current else None):
        raise Refused("name_taken", field="name", name=data.name.strip())
    if data.unit_id is not None and db.get(Unit, data.unit_id) is None:
        raise Refused("no_such_unit", field="unit_id")
    if not data.url.strip():
        return
    if kind is ChannelKind.APPRISE:
        parse_apprise(data.url)
    else:
        require_allowed(parse_target(data.url.strip()), allowed_hosts(db))


def _columns(kind: ChannelKind, data: ChannelData) -> dict[str, Any]:
    return {
        "name": data.name.strip(),
        "unit_id": data.unit_id,
        "is_on": data.is_on,
        # a robot writes for its whole group
        "takes_people": data.takes_people and not kind.is_robot,
    }


def _store_url(channel: Channel, url: str, key: str) -> None:
    channel.url = sealed(url, key)
    channel.needs_address = channel.kind is ChannelKind.APPRISE and PLACEHOLDER in url


def _store_hidden(channel: Channel, data: ChannelData, key: str) -> dict[str, object]:
    told: dict[str, object] = {}
    url = data.url.strip()
    # sealed with another key it is nothing that could be the same
    if url and not (opens(channel, key) and opened(channel.url, key) == url):
        _store_url(channel, url, key)
        told["url"] = STORED
    # our own secret is made by us, and only there
    takes_secret = channel.kind.signs and channel.kind is not ChannelKind.WEBHOOK
    if takes_secret and data.secret.strip():
        channel.secret, told["secret"] = sealed(data.secret.strip(), key), STORED
    return told


def _kinds(kinds: Collection[MessageKind]) -> dict[str, object]:
    return {"kinds": [kind.value for kind in GROUP_KINDS if kind in kinds]}


def _bind(db: Session, channel: Channel, kinds: Collection[MessageKind]) -> None:
    db.execute(delete(ChannelBinding).where(ChannelBinding.channel_id == channel.id))
    db.add_all(
        ChannelBinding(channel_id=channel.id, kind=kind) for kind in GROUP_KINDS if kind in kinds
    )
    db.flush()


def _skip_waiting(db: Session, channel_id: int) -> None:
    waiting = (State.PENDING, State.AMBIGUOUS)
    db.execute(
        update(Message)
        .where(Message.channel_id == channel_id, Message.state.in_(waiting))
        .values(state=State.SKIPPED, note=SWITCHED_OFF, claimed_by=None, claimed_until=None)
        .execution_options(synchronize_session=False)
    )
