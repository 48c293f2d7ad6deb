"""The outbox: a message is a row first, written in the transaction that it reports.

The mailbox page shows a person all their messages, also `skipped` ones that are not mailed. Only
messages with an address go out over SMTP; one without an address is `sent` by being there.
What goes over a channel is a row of its own, with no person, so that no mailbox shows it twice.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, Session, mapped_column

from crm.base.db import Base, enum_column, insert_into
from crm.base.enums import LabeledEnum
from crm.base.mail_kinds import MessageKind as MessageKind

Row = dict[str, Any]


class State(LabeledEnum):
    """The delivery state of a message."""

    PENDING = "pending", "待发"
    SENDING = "sending", "发送中"
    SENT = "sent", "已发"
    AMBIGUOUS = "ambiguous", "待核实"
    FAILED = "failed", "发送失败"
    HELD = "held", "待人工处理"
    SKIPPED = "skipped", "未发"


class Message(Base):
    """One mail to one person, or what a channel tells of it.

    `dedupe_key` prevents a second one; `message_id` shows mail programs that a repeat is one.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index(None, "state", "due_at"),
        Index(None, "person_id", "made_at"),
        Index(None, "channel_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dedupe_key: Mapped[str] = mapped_column(unique=True)  # kind:subject:recipient:period:level
    kind: Mapped[MessageKind] = mapped_column(enum_column(MessageKind, "kind", is_checked=False))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # none: over a channel
    channel_id: Mapped[int | None] = mapped_column(ForeignKey("channel.id"))  # none: a mail
    about_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))  # of whose mail it tells
    recipient: Mapped[str]  # the address at that time; empty where the person had none
    subject: Mapped[str]
    body_text: Mapped[str]
    body_html: Mapped[str]
    message_id: Mapped[str]
    made_at: Mapped[datetime]  # the slot's own moment
    due_at: Mapped[datetime]  # when the next attempt is due
    expires_at: Mapped[datetime | None]  # not mailed any more from then on
    unsubscribe_url: Mapped[
        str | None
    ]  # for optional kinds; stored, so that a repeat has the same bytes
    state: Mapped[State] = mapped_column(enum_column(State, "state"))
    attempts: Mapped[int]
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    broke_off_at: Mapped[datetime | None]  # when an attempt ended with an unknown outcome
    note: Mapped[str | None]  # the last error, or why it was skipped or resent
    read_at: Mapped[datetime | None]


class Recipient(Protocol):
    """A person as the recipient of a message."""

    @property
    def id(self) -> int:
        """The id of the row."""

    @property
    def email(self) -> str | None:
        """The address, if there is one."""


def message_id_of(dedupe_key: str) -> str:
    """The Message-ID for that key; always the same."""
    return f"<{sha256(dedupe_key.encode()).hexdigest()[:32]}@outbox.crm>"


def row_of(  # noqa: PLR0913 - a message has that many parts
    *,
    kind: MessageKind,
    dedupe_key: str,
    person: Recipient,
    subject: str,
    text: str,
    html: str,
    at: datetime,
    state: State = State.PENDING,
    note: str | None = None,
    expires_at: datetime | None = None,
    unsubscribe_url: str | None = None,
) -> Row:
    """A message that is ready to be put into the outbox."""
    return {
        "dedupe_key": dedupe_key,
        "kind": kind,
        "person_id": person.id,
        "recipient": person.email or "",
        "subject": " ".join(subject.split()),  # a line break would start another header
        "body_text": text,
        "body_html": html,
        "message_id": message_id_of(dedupe_key),
        "made_at": at,
        "due_at": at,
        "expires_at": expires_at,
        "unsubscribe_url": unsubscribe_url,
        "state": state,
        "sent_at": at if state is State.SENT else None,  # delivered by being in the mailbox
        "attempts": 0,
        "note": note,
    }


def put(db: Session, rows: Sequence[Row]) -> int:
    """Put messages into the outbox; how many are new: a key that is there already stays."""
    if not rows:
        return 0
    insert = insert_into(db, Message).on_conflict_do_nothing(index_elements=["dedupe_key"])
    # RETURNING tells which rows are new; psycopg's rowcount does not
    return len(db.scalars(insert.returning(Message.id), rows).all())
