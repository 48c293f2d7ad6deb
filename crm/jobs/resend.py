"""Sending a message again by hand: it waits anew, and says that a person wanted it so."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import HasId, changes, record
from crm.base.clock import civil
from crm.base.errors import Refused
from crm.base.outbox import Message, MessageKind, State
from crm.jobs.claims import BY_HAND


def send(  # noqa: PLR0913 - who, when, why and whether a repeat is meant
    db: Session,
    ids: Collection[int],
    *,
    again: bool,
    why: str,
    by: HasId | None,
    now: datetime,
) -> None:
    """Let these messages wait anew, all of them or none; one that was sent only `again`."""
    # Locked, so that a worker either has the message already or takes it as it is left here.
    query = select(Message).where(Message.id.in_(ids)).with_for_update()
    found = {message.id: message for message in db.scalars(query)}
    for message_id in dict.fromkeys(ids):
        if (message := found.get(message_id)) is None:
            raise Refused("unknown_message", id=message_id)
        _refuse(message, again=again, now=now)
        _make_pending(db, message, why=why, by=by, now=now)


def retry(
    db: Session, *, kind: MessageKind | None, why: str, by: HasId | None, now: datetime
) -> int:
    """Let all that failed wait anew, of one kind or of all; how many these are."""
    query = select(Message).where(Message.state == State.FAILED).order_by(Message.id)
    if kind:
        query = query.where(Message.kind == kind)
    failed: Sequence[Message] = db.scalars(query.with_for_update()).all()
    for message in failed:
        _make_pending(db, message, why=why, by=by, now=now)
    return len(failed)


def _refuse(message: Message, *, again: bool, now: datetime) -> None:
    claimed = message.claimed_until is not None and message.claimed_until > now
    if claimed or message.state is State.SENDING:
        raise Refused("message_in_hand", id=message.id)
    if message.state is State.SENT and not again:
        raise Refused("message_sent", id=message.id, at=_moment(message))


def _make_pending(
    db: Session, message: Message, *, why: str, by: HasId | None, now: datetime
) -> None:
    """The Message-ID stays, so that a repeat is known as one; so does whoever had it last.

    A worker that was only stopped may yet say that it sent the message after all.
    """
    values = {"state": State.PENDING, "due_at": now, "attempts": 0, "note": _note(message, why)}
    values["expires_at"] = None  # a person wants it all the same
    before, after = changes(message, values)
    record(db, "message.sent_by_hand", message, by=by, at=now, before=before, after=after)


def _note(message: Message, why: str) -> str:
    done = f"重发，上次发出于 {_moment(message)}"
    if message.sent_at is None:
        done = f"补发，此前“{message.state.label}”"
    return f"{BY_HAND}{done}" + (f"：{' '.join(why.split())}" if why.strip() else "")


def _moment(message: Message) -> str:
    return f"{civil(message.sent_at):%Y-%m-%d %H:%M}" if message.sent_at else ""
