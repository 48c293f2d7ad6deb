"""Tables of the clock: the runs of jobs, pauses, and the lease."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm.base.db import Base, enum_column
from crm.base.enums import LabeledEnum


class RunState(LabeledEnum):
    """The state of a slot's run; only a slot that is done in batches is ever seen running."""

    DONE = "done", "已完成"
    RUNNING = "running", "进行中"
    SKIPPED = "skipped", "已跳过"
    FAILED = "failed", "失败"


class JobRun(Base):
    """One slot of one job; the unique pair makes it run once."""

    __tablename__ = "job_run"
    __table_args__ = (UniqueConstraint("job", "slot"), Index(None, "job", "due_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[str]
    slot: Mapped[str]
    due_at: Mapped[datetime]
    state: Mapped[RunState] = mapped_column(enum_column(RunState, "state"))
    finished_at: Mapped[datetime]
    attempts: Mapped[int]
    position: Mapped[str | None]  # of the last batch written, after which the slot goes on
    made: Mapped[str | None]  # JSON: counts of what it made
    reason: Mapped[str | None]  # why skipped, the error, or that it was late


class JobPause(Base):
    """A paused job; none of its slots is taken until it is resumed."""

    __tablename__ = "job_pause"

    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[str] = mapped_column(unique=True)
    paused_at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # NULL: the command line
    why: Mapped[str]


class DeliveryHold(Base):
    """The one row that is there while nothing is delivered."""

    __tablename__ = "delivery_hold"
    __table_args__ = (CheckConstraint("id = 1", "only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    held_at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # NULL: the command line
    why: Mapped[str]


class MailServer(Base):
    """The one row that is there where an admin has entered the mail server."""

    __tablename__ = "mail_server"
    __table_args__ = (CheckConstraint("id = 1", "only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed_url: Mapped[str]  # as CRM_MAIL has it, with the password; sealed
    sender: Mapped[str]
    changed_at: Mapped[datetime]
    changed_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))


class Lease(Base):
    """The one holder of a task, until a moment of the database's clock."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    expires_at: Mapped[datetime]
