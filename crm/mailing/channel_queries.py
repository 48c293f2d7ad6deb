"""Reads of channels: which there are, what groups are told of, and what people chose."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from crm.base.outbox import MessageKind
from crm.base.remembered import remembered_long
from crm.base.value_class import value_class
from crm.mailing.channel_models import (
    Channel,
    ChannelAddress,
    ChannelBinding,
    ChannelChoice,
    ChannelHost,
)
from crm.mailing.channel_rules import ChannelKind
from crm.people.queries import unit_tree, units_above, units_held


@value_class
class Receiver:
    """A person who wants a kind of message over a channel, and the address there."""

    channel_id: int
    person_id: int
    kind: MessageKind
    address: str  # empty: by the user name


def allowed_hosts(db: Session) -> dict[str, bool]:
    """The hosts that channels may lead to, and whether each is internal."""
    return {row.host: row.is_internal for row in hosts(db)}


def hosts(db: Session) -> Sequence[ChannelHost]:
    """The rows of these hosts, by name."""
    return db.scalars(select(ChannelHost).order_by(ChannelHost.host)).all()


def channels(db: Session) -> Sequence[Channel]:
    """All channels, by name."""
    return db.scalars(select(Channel).order_by(Channel.name)).all()


def bound_kinds(db: Session, channel_id: int) -> list[MessageKind]:
    """The kinds of message that the channel's group is told of."""
    query = select(ChannelBinding.kind).where(ChannelBinding.channel_id == channel_id)
    return list(db.scalars(query))


def any_channel_listens(db: Session, kinds: Collection[MessageKind]) -> bool:
    """Whether a message of these kinds may have to go over a channel, too."""

    def read() -> frozenset[MessageKind]:
        on = Channel.is_on.is_(True)
        bound = select(ChannelBinding.kind).join(
            Channel, (Channel.id == ChannelBinding.channel_id) & on
        )
        chosen = select(ChannelChoice.kind).join(
            Channel, (Channel.id == ChannelChoice.channel_id) & on
        )
        return frozenset(db.scalars(bound.union(chosen)))

    return not remembered_long(db, "kinds that channels carry", read=read).isdisjoint(kinds)


def groups(db: Session, kinds: Collection[MessageKind]) -> list[tuple[Channel, MessageKind]]:
    """The channels whose group is told of these kinds."""
    query = (
        select(Channel, ChannelBinding.kind)
        .join(ChannelBinding, ChannelBinding.channel_id == Channel.id)
        .where(Channel.is_on.is_(True), ChannelBinding.kind.in_(kinds))
        .order_by(Channel.id)
    )
    return [(row[0], row[1]) for row in db.execute(query)]


def receivers(
    db: Session, person_ids: Collection[int], kinds: Collection[MessageKind]
) -> list[Receiver]:
    """Who of these people gets messages of these kinds over which channel.

    A service that needs an address reaches nobody without one.
    """
    query = (
        select(
            ChannelChoice.channel_id,
            ChannelChoice.person_id,
            ChannelChoice.kind,
            ChannelAddress.address,
        )
        .join(Channel, Channel.id == ChannelChoice.channel_id)
        .outerjoin(
            ChannelAddress,
            (ChannelAddress.channel_id == ChannelChoice.channel_id)
            & (ChannelAddress.person_id == ChannelChoice.person_id),
        )
        .where(
            Channel.is_on.is_(True),
            Channel.takes_people.is_(True),
            ChannelChoice.person_id.in_(person_ids),
            ChannelChoice.kind.in_(kinds),
            or_(
                Channel.kind != ChannelKind.APPRISE,
                ChannelAddress.address.is_not(None),
            ),
        )
    )
    return [Receiver(*row[:3], row[3] or "") for row in db.execute(query)]


def channels_for(db: Session, person_id: int, on: date) -> list[Channel]:
    """The channels that the person may choose: the zone's, and those of their units."""
    query = select(Channel).where(Channel.is_on.is_(True), Channel.takes_people.is_(True))
    offered = db.scalars(query.order_by(Channel.name)).all()
    if not offered:
        return []
    above = _units_over(db, [person_id], on)[person_id]
    return [row for row in offered if row.unit_id is None or row.unit_id in above]


def people_in_unit(
    db: Session, person_ids: Collection[int], unit_id: int, on: date
) -> frozenset[int]:
    """Those of the people who hold a posting in the unit or below it."""
    over = _units_over(db, person_ids, on)
    return frozenset(person_id for person_id in person_ids if unit_id in over[person_id])


def _units_over(db: Session, person_ids: Collection[int], on: date) -> Mapping[int, frozenset[int]]:
    tree = unit_tree(db)
    over: defaultdict[int, frozenset[int]] = defaultdict(frozenset)
    for person_id, unit_ids in units_held(db, person_ids, on).items():
        above = (units_above(tree, unit_id) for unit_id in unit_ids)
        over[person_id] = frozenset(unit_id for chain in above for unit_id in chain)
    return over


def chosen(db: Session, person_id: int) -> dict[int, set[MessageKind]]:
    """The kinds that the person wants over each channel, by its id."""
    query = select(ChannelChoice.channel_id, ChannelChoice.kind).where(
        ChannelChoice.person_id == person_id
    )
    kinds: defaultdict[int, set[MessageKind]] = defaultdict(set)
    for channel_id, kind in db.execute(query):
        kinds[channel_id].add(kind)
    return kinds


def addresses(db: Session, person_id: int) -> dict[int, str]:
    """The person's own addresses, by channel."""
    query = select(ChannelAddress.channel_id, ChannelAddress.address).where(
        ChannelAddress.person_id == person_id
    )
    return {row.channel_id: row.address for row in db.execute(query)}
