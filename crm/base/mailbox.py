"""The mailbox: a person's own messages, and nobody else's."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from crm.base.outbox import Message, MessageKind, State
from crm.base.value_class import value_class

PAGE = 30


@value_class
class MessagePage:
    """A page of messages, the latest first, and the id before which older ones begin."""

    items: Sequence[Row[int, MessageKind, str, datetime, State, datetime | None, str]]
    older: int | None


def messages_page(
    db: Session,
    person_id: int,
    *,
    kinds: Collection[MessageKind] = (),
    before: int | None = None,
    size: int = PAGE,
) -> MessagePage:
    """A page of the person's messages without their bodies, the latest first."""
    query = (
        select(
            Message.id,
            Message.kind,
            Message.subject,
            Message.made_at,
            Message.state,
            Message.read_at,
            Message.dedupe_key,
        )
        .where(Message.person_id == person_id)
        .order_by(Message.id.desc())
        .limit(size + 1)
    )
    if kinds:
        query = query.where(Message.kind.in_(kinds))
    if before:
        query = query.where(Message.id < before)

    found = db.execute(query).all()
    items, has_more = found[:size], len(found) > size

    return MessagePage(items, items[-1].id if has_more else None)


def message_of(db: Session, person_id: int, message_id: int) -> Message | None:
    """The message, if it is for that person."""
    return db.scalar(
        select(Message).where(Message.id == message_id, Message.person_id == person_id)
    )


def mark_read(db: Session, message_id: int, *, now: datetime) -> None:
    """Record when the recipient first opened the message."""
    db.execute(
        update(Message)
        .where(Message.id == message_id, Message.read_at.is_(None))
        .values(read_at=now)
    )


def period_of(dedupe_key: str) -> str:
    """The name of the period that a message is about."""
    # kind:subject:recipient:period:level
    return dedupe_key.split(":")[3]
