"""What the pages of a message share: it is marked as read, and says why it was not mailed."""

from crm.base.mailbox import mark_read
from crm.base.outbox import Message, State
from crm.extensions import db
from crm.jobs.batch_delivery import NO_ADDRESS
from crm.mailing.rules import IN_APP_ONLY
from crm.transactions import transaction
from crm.web.transaction import moment


def read_now(message: Message) -> None:
    """Record that its recipient has opened the message."""
    if message.read_at is None:
        with transaction(db.sessionmaker) as session:  # a GET request holds no write lock
            mark_read(session, message.id, now=moment())


def reason_not_mailed(message: Message) -> str | None:
    """Why it is only in the mailbox; None where it was mailed, or still may be."""
    is_final = message.state is State.SKIPPED or message.note in (IN_APP_ONLY, NO_ADDRESS)
    return f"{message.note}。" if is_final and message.note else None
