"""Amounts of leads by kind, and the exchange rates that are kept with them (PROJECTS 1)."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.base.db import Base, Rate, enum_column
from crm.base.money import Currency
from crm.leads.rules import AmountKind
from crm.people.models import Person

_HOLDS = text("replaced_at IS NULL")


class LeadAmount(Base):
    """An amount of a lead; a changed one is kept beside the row that replaced it."""

    __tablename__ = "lead_amount"
    __table_args__ = (
        CheckConstraint("amount >= 0", "not_negative"),
        CheckConstraint("rate > 0", "rate_positive"),
        CheckConstraint("(rate IS NULL) = (rate_on IS NULL)", "rate_has_date"),
        CheckConstraint("currency <> 'CNY' OR rate IS NULL", "yuan_has_no_rate"),
        # one of each kind holds: of two people at once the database refuses the second
        Index(
            "uq_lead_amount_held",
            *("lead_id", "kind"),
            unique=True,
            sqlite_where=_HOLDS,
            postgresql_where=_HOLDS,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"), index=True)
    kind: Mapped[AmountKind] = mapped_column(enum_column(AmountKind, "kind"))
    amount: Mapped[Decimal]  # in the currency's unit
    currency: Mapped[Currency] = mapped_column(enum_column(Currency, "currency"))
    rate: Mapped[Decimal | None] = mapped_column(Rate)  # to yuan
    rate_on: Mapped[date | None]  # the day of signing of which the rate is
    stated_on: Mapped[date]
    entered_at: Mapped[datetime]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # none: an import
    replaced_at: Mapped[datetime | None]

    entered_by: Mapped[Person | None] = relationship(lazy="raise")


class ExchangeRate(Base):
    """What one unit of a foreign currency was worth in yuan on a date."""

    __tablename__ = "exchange_rate"
    __table_args__ = (
        UniqueConstraint("currency", "on"),
        CheckConstraint("rate > 0", "rate_positive"),
        CheckConstraint("currency <> 'CNY'", "foreign"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    on: Mapped[date]
    currency: Mapped[Currency] = mapped_column(enum_column(Currency, "currency"))
    rate: Mapped[Decimal] = mapped_column(Rate)
    entered_at: Mapped[datetime]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
