"""Tables of notification settings."""

from datetime import time

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from crm.base.db import Base, enum_column
from crm.base.outbox import MessageKind


class MailChoice(Base):
    """Whether messages of a kind are mailed to a person; without a row they are."""

    __tablename__ = "mail_choice"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    kind: Mapped[MessageKind] = mapped_column(
        enum_column(MessageKind, "kind", is_checked=False), primary_key=True
    )
    by_mail: Mapped[bool]


class QuietTime(Base):
    """A person's quiet hours in civil time, in which no mail is sent."""

    __tablename__ = "quiet_time"
    __table_args__ = (CheckConstraint("begins <> ends", "has_length"),)

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    begins: Mapped[time]
    ends: Mapped[time]
