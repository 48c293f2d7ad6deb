"""What a person wants over which channel, beside the mails."""

from collections.abc import Collection, Mapping
from dataclasses import field
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.outbox import MessageKind
from crm.base.value_class import value_class
from crm.mailing.channel_models import ChannelAddress, ChannelChoice
from crm.mailing.channel_queries import addresses, channels_for, chosen
from crm.mailing.channel_rules import parse_address
from crm.people.models import Person


@value_class
class Wish:
    """The kinds that are wanted over a channel, and the person's address there."""

    kinds: Collection[MessageKind] = field(default_factory=tuple)
    address: str = ""


def choose_channels(
    db: Session, *, person: Person, wishes: Mapping[int, Wish], now: datetime
) -> None:
    """Set what the person wants over the channels that they may use, by channel id.

    Refused as `required` or `bad_channel_address`, with the field `address-` and the channel's id.
    """
    offered = channels_for(db, person.id, civil_date(now))
    before, had = chosen(db, person.id), addresses(db, person.id)
    changed: dict[str, tuple[object, object]] = {}

    for channel in offered:
        wish = wishes.get(channel.id, Wish())
        kinds = [kind for kind in MessageKind if kind in wish.kinds]
        old = [kind for kind in MessageKind if kind in before.get(channel.id, ())]
        address = _address(wish, f"address-{channel.id}") if channel.needs_address else ""
        if (kinds, address) == (old, had.get(channel.id, "")):
            continue
        _store(db, person.id, channel.id, kinds, address)
        # the address stays out of the trail: at some services it is all that one needs to write
        changed[channel.name] = _labels(old), _labels(kinds)

    if changed:
        record(
            db,
            "person.channels_chosen",
            person,
            by=person,
            at=now,
            before={"channels": {name: old for name, (old, _) in changed.items()}},
            after={"channels": {name: new for name, (_, new) in changed.items()}},
        )


def _address(wish: Wish, name: str) -> str:
    if not wish.address.strip():
        if wish.kinds:
            raise Refused("required", field=name)
        return ""
    try:
        return parse_address(wish.address)
    except Refused as refusal:
        raise Refused(refusal.code, field=name) from None


def _store(
    db: Session, person_id: int, channel_id: int, kinds: list[MessageKind], address: str
) -> None:
    for table in (ChannelChoice, ChannelAddress):
        db.execute(
            delete(table).where(table.person_id == person_id, table.channel_id == channel_id)
        )
    db.add_all(
        ChannelChoice(person_id=person_id, channel_id=channel_id, kind=kind) for kind in kinds
    )
    if address:
        db.add(ChannelAddress(person_id=person_id, channel_id=channel_id, address=address))
    db.flush()


def _labels(kinds: list[MessageKind]) -> str:
    return "、".join(kind.label for kind in kinds) or "无"
