"""Messages that expired: what is not mailed any more because its content is out of date."""

from collections import Counter
from datetime import datetime

from sqlalchemy import case, literal, select, update
from sqlalchemy.orm import Session

from crm.base.formatting import moment
from crm.base.outbox import Message, State

NOT_REPEATED = "发送结果不明，内容已过时，不再重发"


def is_expired(message: Message, now: datetime) -> bool:
    return message.expires_at is not None and message.expires_at <= now


def expiry_note(expires_at: datetime, *, may_have_arrived: bool) -> str:
    """The note of a message that expired before it was sent, or sent once more."""
    if may_have_arrived:
        return NOT_REPEATED
    return f"{moment(expires_at)} 前未能发出，内容已过时，不再发送"


def clear_expiry(db: Session, *, made_at: datetime) -> None:
    """Let the pending messages of that moment be mailed however late it is."""
    made = update(Message).where(Message.state == State.PENDING, Message.made_at == made_at)
    db.execute(made.values(expires_at=None), execution_options={"synchronize_session": False})


def skip_expired(db: Session, *, now: datetime) -> Counter[State]:
    """Skip the expired messages that no worker has claimed, with a note; how many were skipped."""
    expired = (
        select(Message.id, Message.expires_at)
        .where(
            Message.state.in_((State.PENDING, State.AMBIGUOUS)),
            Message.expires_at <= now,
            Message.claimed_until.is_(None) | (Message.claimed_until <= now),
        )
        # a worker that is claiming one of them checks it again before it sends
        .with_for_update(skip_locked=True)
    )
    rows = db.execute(expired).all()

    # The messages of one slot expire together, so there are few different moments.
    for expires_at in {row.expires_at for row in rows}:
        ids = [row.id for row in rows if row.expires_at == expires_at]
        # by its past, not its state: a refusal of the repeat makes it pending again
        may_have_arrived = Message.broke_off_at.is_not(None)
        note = case(
            (may_have_arrived, expiry_note(expires_at, may_have_arrived=True)),
            else_=literal(expiry_note(expires_at, may_have_arrived=False)),
        )
        skipped = update(Message).where(Message.id.in_(ids))
        db.execute(
            skipped.values(state=State.SKIPPED, note=note, claimed_by=None, claimed_until=None),
            execution_options={"synchronize_session": False},
        )

    return Counter({State.SKIPPED: len(rows)} if rows else {})
