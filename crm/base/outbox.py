"""The outbox: what leaves the process is a row first, in the transaction of what it tells about (DESIGN 3)."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from crm.base.db import Base, word
from crm.base.words import Word


class State(Word):
    """Where a message stands on its way."""

    PENDING = "pending", "待发"
    SENDING = "sending", "发送中"
    SENT = "sent", "已发"
    AMBIGUOUS = "ambiguous", "待核实"
    FAILED = "failed", "发送失败"
    HELD = "held", "待人工处理"
    SKIPPED = "skipped", "未发"


class MessageKind(Word):
    """What a message is."""

    WEEKLY = "weekly-digest", "周报"
    MONTHLY = "monthly-digest", "月报"
    NUDGE = "nudge", "进度提醒"


class Message(Base):
    """One mail to one person; `dedupe_key` makes it once, `message_id` makes a repeat recognisable."""

    __tablename__ = "message"
    __table_args__ = (
        Index(None, "state", "due_at"),
        Index(None, "person_id", "made_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dedupe_key: Mapped[str] = mapped_column(
        unique=True
    )  # kind:subject:recipient:period:level
    kind: Mapped[MessageKind] = mapped_column(word(MessageKind, "kind"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    recipient: Mapped[str]  # the address when it was made
    subject: Mapped[str]
    body_text: Mapped[str]
    body_html: Mapped[str]
    message_id: Mapped[str]
    made_at: Mapped[datetime]  # the slot's own moment
    due_at: Mapped[datetime]  # the next try
    state: Mapped[State] = mapped_column(word(State, "state"))
    attempts: Mapped[int]
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    note: Mapped[str | None]  # the last error, or why it was skipped or sent again
    read_at: Mapped[datetime | None]
