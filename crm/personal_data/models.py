"""How long personal data are kept, and contacts that a person decided to keep longer (PIPL 19)."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.base.db import Base, enum_column
from crm.leads.models import Contact
from crm.people.models import Person
from crm.personal_data.retention_rules import Kept


class RetentionPeriod(Base):
    """For how many months a kind of personal data is kept, where the zone has changed it."""

    __tablename__ = "retention_period"
    __table_args__ = (CheckConstraint("months >= 1", "is_positive"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[Kept] = mapped_column(enum_column(Kept, "kind"), unique=True)
    months: Mapped[int | None]  # none: as long as the record itself


class KeptContact(Base):
    """A contact that is kept beyond the period, until that date."""

    __tablename__ = "kept_contact"

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"), unique=True)
    kept_until: Mapped[date]
    reason: Mapped[str]
    decided_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime]

    contact: Mapped[Contact] = relationship(lazy="raise")
    decided_by: Mapped[Person] = relationship(lazy="raise")
