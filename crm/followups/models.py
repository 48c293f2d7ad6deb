"""Follow-ups (跟进): what is due on a lead, by whom, and what came of it."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.base.db import Base, enum_column
from crm.files.models import Attachment
from crm.leads.models import Lead
from crm.people.models import Person
from crm.visits.rules import Channel


class Followup(Base):
    """A step on a lead with the person who owes it and its due date (REGIME 6)."""

    __tablename__ = "followup"
    __table_args__ = (
        Index(None, "person_id", "due_on"),
        Index(None, "lead_id", "due_on"),
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
    # the next step, where its result led to one
    next_id: Mapped[int | None] = mapped_column(ForeignKey("followup.id"))
    entered_at: Mapped[datetime]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # none: an import

    lead: Mapped[Lead] = relationship(lazy="raise")
    person: Mapped[Person] = relationship(foreign_keys=person_id, lazy="raise")


class FollowupFile(Attachment):
    """A file attached to a follow-up."""

    __tablename__ = "followup_file"
    record: ClassVar = Followup
