"""Tables of channels: where they lead, who reads what over them, and which hosts are allowed."""

from sqlalchemy import ForeignKey, false
from sqlalchemy.orm import Mapped, mapped_column

from crm.base.db import Base, enum_column
from crm.base.outbox import MessageKind
from crm.mailing.channel_rules import ChannelKind


class Channel(Base):
    """A destination outside; the URL and the secret are never shown again."""

    __tablename__ = "channel"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[ChannelKind] = mapped_column(enum_column(ChannelKind, "kind", is_checked=False))
    name: Mapped[str] = mapped_column(unique=True)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))  # none: the whole zone
    url: Mapped[str]  # holds a robot's token; sealed, as is the secret (`channel_secrets`)
    secret: Mapped[str | None]
    needs_address: Mapped[bool] = mapped_column(default=False, server_default=false())
    is_on: Mapped[bool]
    takes_people: Mapped[bool]  # whether people may choose it for themselves


class ChannelHost(Base):
    """A host that channels may lead to."""

    __tablename__ = "channel_host"

    id: Mapped[int] = mapped_column(primary_key=True)
    host: Mapped[str] = mapped_column(unique=True)
    is_internal: Mapped[bool]  # may have a private address, and do without TLS


class ChannelBinding(Base):
    """A kind of message that a group is told of."""

    __tablename__ = "channel_binding"

    channel_id: Mapped[int] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    kind: Mapped[MessageKind] = mapped_column(
        enum_column(MessageKind, "kind", is_checked=False), primary_key=True
    )


class ChannelChoice(Base):
    """A kind of message that a person wants over a channel, too."""

    __tablename__ = "channel_choice"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    kind: Mapped[MessageKind] = mapped_column(
        enum_column(MessageKind, "kind", is_checked=False), primary_key=True
    )


class ChannelAddress(Base):
    """A person's own address at a service."""

    __tablename__ = "channel_address"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    address: Mapped[str]
