"""What people chose of their mails."""

from datetime import time

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from crm.base.db import Base, enum_column
from crm.base.outbox import MessageKind


class MailChoice(Base):
    """Whether a person gets mails of a kind by mail; without a row they do."""

    __tablename__ = "mail_choice"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    kind: Mapped[MessageKind] = mapped_column(enum_column(MessageKind, "kind"), primary_key=True)
    by_mail: Mapped[bool]


class QuietTime(Base):
    """The hours, in civil time, in which a person is sent no mail; none without a row."""

    __tablename__ = "quiet_time"
    __table_args__ = (CheckConstraint("begins <> ends", "has_length"),)

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    begins: Mapped[time]
    ends: Mapped[time]
