"""What is not mailed any more because nobody needs it now, with the reason (DESIGN 3)."""

from collections import Counter
from datetime import datetime

from sqlalchemy import case, literal, select, update
from sqlalchemy.orm import Session

from crm.base.formatting import moment
from crm.base.outbox import Message, State

REPEAT = "发送结果不明，内容已过时，不再重发"


def is_stale(message: Message, now: datetime) -> bool:
    """Whether the message is of no use any more."""
    return message.expires_at is not None and message.expires_at <= now


def reason(expires_at: datetime) -> str:
    """Why a stale message is not sent."""
    return f"{moment(expires_at)} 前未能发出，内容已过时，不再发送"


def never_stale(db: Session, *, made_at: datetime) -> None:
    """Let what a slot of that moment made be mailed whenever it is."""
    made = update(Message).where(Message.state == State.PENDING, Message.made_at == made_at)
    db.execute(made.values(expires_at=None), execution_options={"synchronize_session": False})


def skip_stale(db: Session, *, now: datetime) -> Counter[State]:
    """Skip what waits and is stale: not sent, or sent with an unknown end and not repeated."""
    stale = (
        select(Message.id, Message.expires_at)
        .where(
            Message.state.in_((State.PENDING, State.AMBIGUOUS)),
            Message.expires_at <= now,
            Message.claimed_until.is_(None) | (Message.claimed_until <= now),
        )
        .with_for_update(skip_locked=True)
    )
    rows = db.execute(stale).all()

    for expires_at in {row.expires_at for row in rows}:
        ids = [row.id for row in rows if row.expires_at == expires_at]
        told = case((Message.state == State.AMBIGUOUS, REPEAT), else_=literal(reason(expires_at)))
        skipped = update(Message).where(Message.id.in_(ids))
        db.execute(
            skipped.values(state=State.SKIPPED, note=told, claimed_by=None, claimed_until=None),
            execution_options={"synchronize_session": False},
        )

    return Counter({State.SKIPPED: len(rows)} if rows else {})
