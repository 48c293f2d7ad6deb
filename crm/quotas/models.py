"""Quota rules, a row a version, and the zone's own words on working days (REGIME 4)."""

from datetime import date

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm.base.db import Base, Codes, word
from crm.base.periods import PeriodKind
from crm.base.workdays import Source
from crm.people.rules import Duty
from crm.quotas.rules import Cap, CountBy, Measure, Proration, Rounding
from crm.visits.rules import Channel, Kind


class RuleVersion(Base):
    """A quota rule as it holds from a date to a date, both included."""

    __tablename__ = "rule"
    __table_args__ = (
        UniqueConstraint("code", "valid_from"),
        CheckConstraint("minimum >= 0", "minimum_not_negative"),
        CheckConstraint("log_within_days >= 0", "log_limit_not_negative"),
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", "ends_after_it_begins"),
        CheckConstraint(
            "measure <> 'days_resident' OR count_by = 'day'", "days_are_counted_by_day"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    duty: Mapped[Duty] = mapped_column(word(Duty, "duty"))
    measure: Mapped[Measure] = mapped_column(word(Measure, "measure"))
    count_by: Mapped[CountBy] = mapped_column(word(CountBy, "count_by"))
    minimum: Mapped[int]
    period: Mapped[PeriodKind] = mapped_column(word(PeriodKind, "period"))
    kinds: Mapped[frozenset[Kind]] = mapped_column(Codes(Kind))
    channels: Mapped[frozenset[Channel]] = mapped_column(Codes(Channel))
    log_within_days: Mapped[int]
    proration: Mapped[Proration] = mapped_column(word(Proration, "proration"))
    rounding: Mapped[Rounding] = mapped_column(word(Rounding, "rounding"))
    cap: Mapped[Cap] = mapped_column(word(Cap, "cap"))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]


class WorkdayOverride(Base):
    """What the zone says of a date against the library, by hand or from an imported arrangement."""

    __tablename__ = "workday_override"

    on: Mapped[date] = mapped_column(primary_key=True)
    is_workday: Mapped[bool]
    source: Mapped[Source] = mapped_column(word(Source, "source"))
    note: Mapped[str | None]
