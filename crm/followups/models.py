"""Follow-ups (跟进): what is due on a lead, by whom, and what came of it."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.base.db import Base, enum_column
from crm.files.models import Attachment
from crm.followups.rules import Repeat, Repetition
from crm.leads.models import Lead
from crm.people.models import Person
from crm.visits.rules import Channel


class Followup(Base):
    """A step on a lead with the person who owes it and its due date (REGIME 6)."""

    __tablename__ = "followup"
    __table_args__ = (
        Index(None, "person_id", "due_on"),
        Index(None, "lead_id", "due_on"),
        CheckConstraint("(repeat IS NULL) = (repeat_number IS NULL)", "repeats_by_number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    due_on: Mapped[date]
    what: Mapped[str]
    done_at: Mapped[datetime | None]
    channel: Mapped[Channel | None] = mapped_column(enum_column(Channel, "channel"))
    met: Mapped[str | None]  # with whom
    result: Mapped[str | None]  # what was discussed and agreed
    repeat: Mapped[Repeat | None] = mapped_column(enum_column(Repeat, "repeat"))
    repeat_number: Mapped[int | None]  # of `Repetition`
    # the next step, where its result led to one
    next_id: Mapped[int | None] = mapped_column(ForeignKey("followup.id"))
    entered_at: Mapped[datetime]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # none: an import

    @property
    def repetition(self) -> Repetition | None:
        """How it repeats, if it does."""
        if self.repeat is None or self.repeat_number is None:
            return None
        return Repetition(self.repeat, self.repeat_number)

    lead: Mapped[Lead] = relationship(lazy="raise")
    person: Mapped[Person] = relationship(foreign_keys=person_id, lazy="raise")


class FollowupSnooze(Base):
    """A follow-up put off to a later date, with the reason (推迟)."""

    __tablename__ = "followup_snooze"

    id: Mapped[int] = mapped_column(primary_key=True)
    followup_id: Mapped[int] = mapped_column(ForeignKey("followup.id"), index=True)
    was_due_on: Mapped[date]
    due_on: Mapped[date]
    reason: Mapped[str]
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    by: Mapped[Person | None] = relationship(lazy="raise")


class FollowupFile(Attachment):
    """A file attached to a follow-up."""

    __tablename__ = "followup_file"
    record: ClassVar = Followup
