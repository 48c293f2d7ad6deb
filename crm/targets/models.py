"""Targets of a year (REGIME 6), and the frozen results of its months (PROJECTS 7)."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from crm.base.db import Base, enum_column
from crm.base.money import Currency
from crm.leads.tiers import Tier
from crm.targets.rules import Metric, TargetMeasure
from crm.targets.speed import NormUnit

_SAME = ("year", "unit_id", "metric", "tier")
_COUNTED, _ADDED = text("measure = 'count'"), text("measure = 'amount'")


class Target(Base):
    """What a unit with all below it should reach in a year."""

    __tablename__ = "target"
    __table_args__ = (
        Index(
            "uq_target_counted",
            *_SAME,
            unique=True,
            sqlite_where=_COUNTED,
            postgresql_where=_COUNTED,
        ),
        Index(
            "uq_target_added",
            *(*_SAME, "currency"),
            unique=True,
            sqlite_where=_ADDED,
            postgresql_where=_ADDED,
        ),
        CheckConstraint("(measure = 'amount') = (currency IS NOT NULL)", "amount_has_currency"),
        CheckConstraint("(measure = 'count') = (count IS NOT NULL)", "count_where_counted"),
        CheckConstraint("(measure = 'amount') = (amount IS NOT NULL)", "amount_where_added"),
        CheckConstraint("count > 0", "count_positive"),
        CheckConstraint("amount > 0", "amount_positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    year: Mapped[int]
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    metric: Mapped[Metric] = mapped_column(enum_column(Metric, "metric"))
    tier: Mapped[Tier] = mapped_column(enum_column(Tier, "tier"))
    measure: Mapped[TargetMeasure] = mapped_column(enum_column(TargetMeasure, "measure"))
    count: Mapped[int | None]  # of projects
    amount: Mapped[Decimal | None]  # of total investment or of money
    currency: Mapped[Currency | None] = mapped_column(enum_column(Currency, "currency"))


class ResultMonth(Base):
    """A month whose results are frozen (PROJECTS 7)."""

    __tablename__ = "result_month"
    __table_args__ = (UniqueConstraint("month"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[str]
    frozen_at: Mapped[datetime]


class FrozenResult(Base):
    """A row of a frozen month; it is never changed, only moved where its project is merged."""

    __tablename__ = "frozen_result"
    __table_args__ = (
        CheckConstraint("(metric IN ('money', 'foreign')) = (receipt_id IS NOT NULL)", "of_money"),
        Index(None, "month_id"),
        Index(None, "lead_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    month_id: Mapped[int] = mapped_column(ForeignKey("result_month.id"))
    metric: Mapped[Metric] = mapped_column(enum_column(Metric, "metric"))
    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"))
    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipt.id"))
    claim_id: Mapped[int | None] = mapped_column(ForeignKey("claim.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))
    counted_on: Mapped[date]
    amount: Mapped[Decimal | None]
    currency: Mapped[Currency | None] = mapped_column(enum_column(Currency, "currency"))
    counted_amount: Mapped[Decimal | None]
    registered: Mapped[int]  # 1, 0, or -1 where it takes back what an earlier month has counted
    waiting: Mapped[int]
    recognised: Mapped[int]


class SpeedSpan(Base):
    """A span between two milestones whose speed is told, with its norm (PROJECTS 1)."""

    __tablename__ = "speed_span"
    __table_args__ = (
        UniqueConstraint("begin", "end"),
        CheckConstraint("(coalesce(unit, 'year') = 'year') = (most IS NULL)", "number_has_unit"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    begin: Mapped[str] = mapped_column(ForeignKey("milestone_kind.code"))
    end: Mapped[str] = mapped_column(ForeignKey("milestone_kind.code"))
    unit: Mapped[NormUnit | None] = mapped_column(enum_column(NormUnit, "unit"))
    least: Mapped[int | None]  # only shown
    most: Mapped[int | None]
    is_used: Mapped[bool]
