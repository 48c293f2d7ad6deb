"""Tables of reminders, and of supervision orders with their history (REGIME 5)."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.base.db import Base, enum_column
from crm.files.models import Attachment
from crm.leads.models import Lead
from crm.people.models import Person, Unit
from crm.supervision.rules import About, EntryKind, OrderKind, OrderState, Origin, number_text


class Reminder(Base):
    """A reminder of a figure frozen as missed; the unique constraint sends it once."""

    __tablename__ = "reminder"
    __table_args__ = (
        UniqueConstraint("rule_code", "person_id", "period"),
        Index(None, "person_id", "made_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rule_code: Mapped[str]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    period: Mapped[str]
    made_at: Mapped[datetime]


class OrderSeries(Base):
    """The last number given in a year; issuing locks the row until the commit."""

    __tablename__ = "order_series"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class Order(Base):
    """A supervision order (督办单); `unit` leads, `units` assist."""

    __tablename__ = "supervision_order"
    __table_args__ = (
        UniqueConstraint("number_year", "number"),
        CheckConstraint("(number IS NULL) = (issued_at IS NULL)", "issued_has_number"),
        CheckConstraint("(number IS NULL) = (number_year IS NULL)", "number_has_year"),
        CheckConstraint("(state IN ('draft', 'dropped')) = (number IS NULL)", "draft_has_none"),
        CheckConstraint("(number IS NULL) = (due_on IS NULL)", "issued_has_due_date"),
        CheckConstraint("(state = 'accepted') = (basis IS NOT NULL)", "accepted_has_basis"),
        # REGIME 5: accepted by another than the one who answered
        CheckConstraint("accepted_by_id <> answered_by_id", "accepted_by_another"),
        CheckConstraint("accepted_by_id <> answered_for_id", "accepted_by_another_chair"),
        CheckConstraint("(asked_due_on IS NULL) = (asked_by_id IS NULL)", "asked_by_somebody"),
        Index(None, "drafted_at", "id"),
        Index(None, "state", "due_on"),
        Index(None, "unit_id"),
        Index(None, "person_id"),
        Index(None, "lead_id"),
        Index(None, "officer_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # The clock drafts once for a rule, person and period, or for a planned milestone.
    dedupe_key: Mapped[str | None] = mapped_column(unique=True)
    state: Mapped[OrderState] = mapped_column(enum_column(OrderState, "state"))
    kind: Mapped[OrderKind] = mapped_column(enum_column(OrderKind, "kind"))
    origin: Mapped[Origin] = mapped_column(enum_column(Origin, "origin"))
    about: Mapped[About] = mapped_column(enum_column(About, "about"))
    matter: Mapped[str]
    demand: Mapped[str]
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("lead.id"))
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # who issues or drops
    drafted_at: Mapped[datetime]
    drafted_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # none: the clock

    # the cause of a draft by the clock
    rule_code: Mapped[str | None]
    period: Mapped[str | None]
    earlier_period: Mapped[str | None]
    milestone: Mapped[str | None] = mapped_column(ForeignKey("milestone_kind.code"))
    planned_on: Mapped[date | None]

    code_word: Mapped[str | None]  # kept as it was when the number was given
    number_year: Mapped[int | None]
    number: Mapped[int | None]
    issued_at: Mapped[datetime | None]
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    first_due_on: Mapped[date | None]
    due_on: Mapped[date | None]
    asked_due_on: Mapped[date | None]  # an extension that is not decided yet
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    # in whose name a delegate asked or answered: one chair, however many people
    asked_for_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    level: Mapped[int]  # how many levels above the leading unit it was escalated
    reached_unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))
    escalated_on: Mapped[date | None]
    received_at: Mapped[datetime | None]
    received_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    answered_for_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    accepted_at: Mapped[datetime | None]
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    basis: Mapped[str | None]  # the stated basis of its acceptance

    unit: Mapped[Unit] = relationship(lazy="raise", foreign_keys=[unit_id])
    person: Mapped[Person | None] = relationship(lazy="raise", foreign_keys=[person_id])
    officer: Mapped[Person | None] = relationship(lazy="raise", foreign_keys=[officer_id])
    lead: Mapped[Lead | None] = relationship(lazy="raise")
    units: Mapped[list[Unit]] = relationship(
        lazy="raise", secondary="order_unit", order_by="Unit.position, Unit.id"
    )
    entries: Mapped[list["OrderEntry"]] = relationship(
        back_populates="order", lazy="raise", order_by="OrderEntry.id"
    )

    @property
    def number_text(self) -> str | None:
        """Its number as printed on documents; `None` before it is issued."""
        if self.code_word is None or self.number_year is None or self.number is None:
            return None
        return number_text(self.code_word, self.number_year, self.number)


class OrderUnit(Base):
    """A unit that assists (配合)."""

    __tablename__ = "order_unit"
    __table_args__ = (Index(None, "unit_id"),)

    order_id: Mapped[int] = mapped_column(ForeignKey("supervision_order.id"), primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), primary_key=True)


class OrderEntry(Base):
    """An entry of an order's history; entries are only added."""

    __tablename__ = "order_entry"
    __table_args__ = (Index(None, "order_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("supervision_order.id"))
    kind: Mapped[EntryKind] = mapped_column(enum_column(EntryKind, "kind"))
    text: Mapped[str | None]
    new_due_on: Mapped[date | None]  # of an extension, or of a return
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # none: the clock

    order: Mapped[Order] = relationship(back_populates="entries", lazy="raise")
    by: Mapped[Person | None] = relationship(lazy="raise")


class OrderFile(Attachment):
    """A file attached to an order, which may be of its draft already."""

    __tablename__ = "order_file"
    record: ClassVar = Order
