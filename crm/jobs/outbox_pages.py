"""The outbox as an admin reads it: what waits, failed or is held, and no message's words."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from crm.base.outbox import Message, MessageKind, State
from crm.base.value_class import value_class
from crm.mailing.channel_models import Channel
from crm.people.models import Person

PAGE = 50
NEEDS_A_LOOK = (State.FAILED, State.HELD, State.AMBIGUOUS, State.SENDING, State.PENDING)


@value_class
class OutboxRow:
    """A message without its words, which may be about what an admin may not read."""

    id: int
    kind: MessageKind
    state: State
    channel: str | None  # none: a mail
    reader: str | None  # none: a group
    attempts: int
    made_at: datetime
    due_at: datetime
    note: str | None


def outbox_page(
    db: Session, *, states: Collection[State], before: int | None = None
) -> tuple[Sequence[OutboxRow], int | None]:
    """The latest messages in these states, and the id before which older ones begin."""
    mail = aliased(Message)
    query = (
        select(
            Message.id,
            Message.kind,
            Message.state,
            Channel.name,
            Person.name,
            Message.attempts,
            Message.made_at,
            Message.due_at,
            Message.note,
        )
        .outerjoin(Channel, Channel.id == Message.channel_id)
        .outerjoin(mail, mail.id == Message.about_id)
        .outerjoin(Person, Person.id == func.coalesce(Message.person_id, mail.person_id))
        .where(Message.state.in_(states))
        .order_by(Message.id.desc())
        .limit(PAGE + 1)
    )
    if before:
        query = query.where(Message.id < before)
    rows = [OutboxRow(*row) for row in db.execute(query).all()]
    return rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None


def counts_by_state(db: Session) -> dict[State, int]:
    """How many messages are in each state that is not over."""
    query = select(Message.state, func.count()).where(Message.state.in_(NEEDS_A_LOOK))
    return {row[0]: row[1] for row in db.execute(query.group_by(Message.state))}
