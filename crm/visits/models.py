"""Visits with those who took part and the leads they concern."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, Table, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from crm.base.db import Base, enum_column
from crm.base.hidden_rows import BatchedTable
from crm.base.names import folded
from crm.files.models import Attachment
from crm.leads.models import Company, Lead
from crm.people.models import Person
from crm.visits.rules import CHANNELS_OF, Channel, Counterpart, Kind, Status, Verdict


def _channel_fits_kind() -> str:
    """REGIME 3: which channels each kind may have, as SQL."""
    allowed = []
    for kind, channels in CHANNELS_OF.items():
        codes = ", ".join(f"'{channel}'" for channel in channels)
        allowed.append(f"kind = '{kind}' AND channel IN ({codes})")
    return " OR ".join(allowed)


class VisitBatch(Base):
    """Visits that come in several transactions, and are hidden until all of them are there."""

    __tablename__ = "visit_batch"
    __table_args__ = (
        Index(  # one is hidden at a time: each sees no visits of another's
            "uq_visit_batch_is_published",
            "is_published",
            unique=True,
            sqlite_where=text("NOT is_published"),
            postgresql_where=text("NOT is_published"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    is_published: Mapped[bool] = mapped_column(default=False, server_default=false())


class Visit(Base):
    """One visit; its local first and last dates stand beside the instants (REGIME 3)."""

    __tablename__ = "visit"

    @classmethod
    def __table_cls__(cls, *parts: Any, **options: Any) -> Table:
        return BatchedTable(*parts, **options)

    __table_args__ = (
        CheckConstraint("ends_at > starts_at", "ends_after_it_begins"),
        CheckConstraint("last_on >= first_on", "last_date_after_first"),
        CheckConstraint("status <> 'done' OR logged_at IS NOT NULL", "done_is_logged"),
        CheckConstraint(_channel_fits_kind(), "channel_fits_kind"),
        CheckConstraint("(verdict IS NULL) = (verdict_at IS NULL)", "verdict_has_moment"),
        CheckConstraint("late_by_days >= 0", "lateness_not_negative"),
        # with the batch, so that a visit need not be read to know whether it is seen
        Index(None, "leader_id", "first_on", "batch_id"),
        Index(None, "first_on", "last_on", "batch_id"),
        Index(
            "ix_visit_status_ends_at",
            "status",
            "ends_at",
            sqlite_where=text("status = 'planned'"),
            postgresql_where=text("status = 'planned'"),
        ),
        Index(None, "trip"),
        Index(
            "ix_visit_entered_by_id_with_trip",
            "entered_by_id",
            "first_on",
            sqlite_where=text("trip IS NOT NULL"),
            postgresql_where=text("trip IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[Kind] = mapped_column(enum_column(Kind, "kind"))
    channel: Mapped[Channel] = mapped_column(enum_column(Channel, "channel"))
    status: Mapped[Status] = mapped_column(enum_column(Status, "status"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    # the civil dates of the two instants, kept for the indexes
    first_on: Mapped[date]
    last_on: Mapped[date]
    city: Mapped[str]
    leader_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    trip: Mapped[str | None]  # the reference of a `Trip`, which services see to
    # copies of what `VisitCompany` has, for searches and lists
    met: Mapped[str | None]
    position: Mapped[str | None]
    minutes: Mapped[str | None]
    next_step: Mapped[str | None]
    note: Mapped[str | None]
    entered_at: Mapped[datetime]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # none: an import
    logged_at: Mapped[datetime | None]
    verdict: Mapped[Verdict | None] = mapped_column(enum_column(Verdict, "verdict"))
    verdict_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # none: an import
    verdict_at: Mapped[datetime | None]
    verdict_reason: Mapped[str | None]  # of a rejection; none: an import
    # by how many days the latest of its dates was entered late for its leader (REGIME 3)
    late_by_days: Mapped[int] = mapped_column(server_default="0")
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("visit_batch.id"))

    leader: Mapped[Person] = relationship(foreign_keys=leader_id, lazy="raise")
    entered_by: Mapped[Person | None] = relationship(foreign_keys=entered_by_id, lazy="raise")
    participants: Mapped[list[Person]] = relationship(secondary="visit_participant", lazy="raise")
    leads: Mapped[list[Lead]] = relationship(secondary="visit_lead", lazy="raise")
    companies: Mapped[list["VisitCompany"]] = relationship(
        lazy="raise", order_by="VisitCompany.id", viewonly=True
    )


class Trip(Base):
    """A journey (批次), begun by the first visit that names it; details may follow (REGIME 3)."""

    __tablename__ = "trip"
    __table_args__ = (
        CheckConstraint("last_on >= first_on", "last_date_after_first"),
        Index(None, "entered_at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True)
    destination: Mapped[str | None]
    first_on: Mapped[date | None]
    last_on: Mapped[date | None]
    approval: Mapped[str | None]  # the number under which it was approved
    entered_at: Mapped[datetime]
    # of the visit that began it: whose trip it is, whoever names it later
    leader_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class VisitParticipant(Base):
    """Someone who takes part without leading."""

    __tablename__ = "visit_participant"
    __table_args__ = (
        CheckConstraint("late_by_days >= 0", "lateness_not_negative"),
        Index(None, "person_id", "visit_id"),
    )

    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    # as `Visit.late_by_days`, for this person
    late_by_days: Mapped[int] = mapped_column(server_default="0")


class VisitFormer(Base):
    """Someone who led or joined a visit once, or changed its facts for others (REGIME 3).

    They may not judge it; it gives them nothing else.
    """

    __tablename__ = "visit_former"

    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    left_at: Mapped[datetime | None]  # when they took themself out; none: they did not


class CompanionNotice(Base):
    """Someone was named as a companion by another, and may say that they took no part."""

    __tablename__ = "companion_notice"
    __table_args__ = (Index(None, "person_id", "named_at"),)

    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    named_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    named_at: Mapped[datetime]


class VisitLead(Base):
    """A lead that a visit concerns."""

    __tablename__ = "visit_lead"
    __table_args__ = (Index(None, "lead_id", "visit_id"),)

    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"), primary_key=True)


class VisitCompany(Base):
    """A company met at a visit (拜访企业), or only a person met there (REGIME 3)."""

    __tablename__ = "visit_company"
    __table_args__ = (
        CheckConstraint("company_id IS NULL OR name IS NULL", "known_or_named"),
        CheckConstraint("(name IS NULL) = (folded IS NULL)", "name_is_folded"),
        UniqueConstraint("visit_id", "company_id"),
        UniqueConstraint("visit_id", "folded"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"))
    company_id: Mapped[int | None] = mapped_column(ForeignKey("company.id"), index=True)
    name: Mapped[str | None]  # of a company that is not on record
    folded: Mapped[str | None] = mapped_column(index=True)  # that name as names are compared
    met: Mapped[str | None]
    position: Mapped[str | None]
    counterpart: Mapped[Counterpart] = mapped_column(
        enum_column(Counterpart, "counterpart"), server_default=text("'enterprise'")
    )

    company: Mapped[Company | None] = relationship(lazy="raise")

    @validates("name")
    def _fold(self, _key: str, name: str | None) -> str | None:
        self.folded = folded(name) if name else None
        return name


class VisitFile(Attachment):
    """A file attached to a visit; it hides with the words of the visit (REGIME 2)."""

    __tablename__ = "visit_file"
    record: ClassVar = Visit
