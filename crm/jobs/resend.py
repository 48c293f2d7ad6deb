"""Sending messages again by hand: they become pending, with a note of who asked for what."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import HasId, changes, record
from crm.base.clock import civil
from crm.base.errors import Refused
from crm.base.outbox import Message, MessageKind, State
from crm.jobs.claims import RESENT_BY_HAND


def send(  # noqa: PLR0913 - who, when, why and whether a repeat is meant
    db: Session,
    ids: Collection[int],
    *,
    again: bool,
    why: str,
    by: HasId | None,
    now: datetime,
) -> None:
    """Make the messages pending, all of them or none; sent ones only with `again`.

    Refused as `unknown_message`, `message_in_hand`, `message_cleared`, `message_sent`.
    """
    # Locked, so that a worker either has claimed the message already or reads it as left here.
    query = select(Message).where(Message.id.in_(ids)).with_for_update()
    found = {message.id: message for message in db.scalars(query)}

    # each id once, in the order in which they were given
    for message_id in dict.fromkeys(ids):
        if (message := found.get(message_id)) is None:
            raise Refused("unknown_message", id=message_id)
        _refuse_unsendable(message, again=again, now=now)
        _make_pending(db, message, why=why, by=by, now=now)


def retry(
    db: Session, *, kind: MessageKind | None, why: str, by: HasId | None, now: datetime
) -> int:
    """Make failed messages pending, of one kind or of all; how many there are."""
    query = select(Message).where(Message.state == State.FAILED).order_by(Message.id)
    if kind:
        query = query.where(Message.kind == kind)
    failed: Sequence[Message] = db.scalars(query.with_for_update()).all()
    for message in failed:
        _make_pending(db, message, why=why, by=by, now=now)
    return len(failed)


def _refuse_unsendable(message: Message, *, again: bool, now: datetime) -> None:
    claimed = message.claimed_until is not None and message.claimed_until > now
    if claimed or message.state is State.SENDING:
        raise Refused("message_in_hand", id=message.id)
    if not message.body_text:
        raise Refused("message_cleared", id=message.id)
    if message.state is State.SENT and not again:
        raise Refused("message_sent", id=message.id, at=_sent_at(message))


def _make_pending(
    db: Session, message: Message, *, why: str, by: HasId | None, now: datetime
) -> None:
    """Reset the message; its Message-ID stays, so that a repeat is recognised as one.

    `claimed_by` stays too: a worker that was only stopped may still mark the message as sent.
    """
    values = {"state": State.PENDING, "due_at": now, "attempts": 0, "note": _note(message, why)}
    values["expires_at"] = None  # a person wants it sent, however late
    before, after = changes(message, values)
    record(db, "message.sent_by_hand", message, by=by, at=now, before=before, after=after)


def _note(message: Message, why: str) -> str:
    action = f"重发，上次发出于 {_sent_at(message)}"
    if message.sent_at is None:
        action = f"补发，此前“{message.state.label}”"
    return f"{RESENT_BY_HAND}{action}" + (f"：{' '.join(why.split())}" if why.strip() else "")


def _sent_at(message: Message) -> str:
    return f"{civil(message.sent_at):%Y-%m-%d %H:%M}" if message.sent_at else ""
