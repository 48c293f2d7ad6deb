"""The outbox: what leaves the process is a row first, written with what it tells about (DESIGN 3).

The mailbox page shows a person every message of theirs, also one that is `skipped` (made late,
kept, not mailed). Over SMTP go only those with an address; a message without one is `sent` by
being there.
"""

from datetime import datetime
from hashlib import sha256
from typing import Protocol

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, Session, mapped_column

from crm.base.db import Base, enum_column, insert_into
from crm.base.enums import LabeledEnum
from crm.base.mail_kinds import MessageKind as MessageKind


class State(LabeledEnum):
    """Where a message stands on its way."""

    PENDING = "pending", "待发"
    SENDING = "sending", "发送中"
    SENT = "sent", "已发"
    AMBIGUOUS = "ambiguous", "待核实"
    FAILED = "failed", "发送失败"
    HELD = "held", "待人工处理"
    SKIPPED = "skipped", "未发"


class Message(Base):
    """One mail to one person; `dedupe_key` makes it once, `message_id` shows a repeat to be one."""

    __tablename__ = "message"
    __table_args__ = (
        Index(None, "state", "due_at"),
        Index(None, "person_id", "made_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dedupe_key: Mapped[str] = mapped_column(unique=True)  # kind:subject:recipient:period:level
    kind: Mapped[MessageKind] = mapped_column(enum_column(MessageKind, "kind"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    recipient: Mapped[str]  # the address when it was made; empty where the person has none
    subject: Mapped[str]
    body_text: Mapped[str]
    body_html: Mapped[str]
    message_id: Mapped[str]
    made_at: Mapped[datetime]  # the slot's own moment
    due_at: Mapped[datetime]  # the next try
    expires_at: Mapped[datetime | None]  # of no use from then on, and not mailed any more
    unsubscribe_url: Mapped[str | None]  # where the kind is optional: stored, so the bytes stay
    state: Mapped[State] = mapped_column(enum_column(State, "state"))
    attempts: Mapped[int]
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    broke_off_at: Mapped[datetime | None]  # when a try ended without our knowing how
    note: Mapped[str | None]  # the last error, or why it was skipped or sent again
    read_at: Mapped[datetime | None]


class Recipient(Protocol):
    """Whoever a message is for."""

    @property
    def id(self) -> int:
        """Their row."""

    @property
    def email(self) -> str | None:
        """Their address, if they have one."""


def message_id_of(dedupe_key: str) -> str:
    """The Message-ID of whatever has that key: the same however often it is made."""
    return f"<{sha256(dedupe_key.encode()).hexdigest()[:32]}@outbox.crm>"


def put(  # noqa: PLR0913 - a message has that many parts
    db: Session,
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
) -> bool:
    """Put a message into the outbox; False where one of that key is there already."""
    insert = insert_into(db, Message).values(
        dedupe_key=dedupe_key,
        kind=kind,
        person_id=person.id,
        recipient=person.email or "",
        subject=" ".join(subject.split()),  # a line break would start another header
        body_text=text,
        body_html=html,
        message_id=message_id_of(dedupe_key),
        made_at=at,
        due_at=at,
        expires_at=expires_at,
        unsubscribe_url=unsubscribe_url,
        state=state,
        sent_at=at if state is State.SENT else None,  # by lying in the mailbox, and nowhere else
        attempts=0,
        note=note,
    )
    # RETURNING tells whether the row is new; psycopg's rowcount does not (DESIGN 3)
    new = insert.on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(Message.id)

    return db.scalar(new) is not None
