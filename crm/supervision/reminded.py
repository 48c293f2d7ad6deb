"""Reminders that a person has not read yet: a quiet line of *my day*."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil
from crm.base.mailbox import period_of
from crm.base.outbox import Message, MessageKind
from crm.base.periods import Period
from crm.supervision.reminders import RUNNING


@dataclass(frozen=True, slots=True)
class Reminded:
    """A reminder as it lies in the mailbox, and the period of which it reminds."""

    message_id: int
    period: Period


def unread_reminders(db: Session, person_id: int, on: date) -> list[Reminded]:
    """The reminders of a person that are not read, until the period after theirs has ended."""
    query = select(Message.id, Message.dedupe_key).where(
        Message.person_id == person_id,
        Message.kind == MessageKind.REMINDER,
        Message.read_at.is_(None),
        Message.made_at >= at_civil(on - 2 * RUNNING),
    )
    found = (
        Reminded(message_id, Period.parse(period_of(key)))
        for message_id, key in db.execute(query.order_by(Message.id))
    )
    return [one for one in found if on <= one.period.after.last]
