"""Versions of quota rules, overrides of the working calendar, stored figures and corrections."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm.base.db import Base, Codes, enum_column
from crm.base.periods import PeriodKind
from crm.base.workdays import Source
from crm.people.rules import Duty
from crm.quotas.rules import Cap, CountBy, FigureStatus, Measure, Proration, Rounding
from crm.visits.rules import Channel, Kind


class RuleVersion(Base):
    """A quota rule as it holds from a date to a date, both included."""

    __tablename__ = "rule"
    __table_args__ = (
        UniqueConstraint("code", "valid_from"),
        CheckConstraint("minimum >= 0", "minimum_not_negative"),
        CheckConstraint("log_within_days >= 0", "log_limit_not_negative"),
        CheckConstraint("stay_within_days >= 0", "stay_limit_not_negative"),
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", "ends_after_it_begins"),
        CheckConstraint(
            "measure <> 'days_resident' OR count_by = 'day'", "days_are_counted_by_day"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    duty: Mapped[Duty] = mapped_column(enum_column(Duty, "duty"))
    measure: Mapped[Measure] = mapped_column(enum_column(Measure, "measure"))
    count_by: Mapped[CountBy] = mapped_column(enum_column(CountBy, "count_by"))
    minimum: Mapped[int]
    period: Mapped[PeriodKind] = mapped_column(enum_column(PeriodKind, "period"))
    kinds: Mapped[frozenset[Kind]] = mapped_column(Codes(Kind))
    channels: Mapped[frozenset[Channel]] = mapped_column(Codes(Channel))
    log_within_days: Mapped[int]
    stay_within_days: Mapped[int | None]
    proration: Mapped[Proration] = mapped_column(enum_column(Proration, "proration"))
    rounding: Mapped[Rounding] = mapped_column(enum_column(Rounding, "rounding"))
    cap: Mapped[Cap] = mapped_column(enum_column(Cap, "cap"))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]


class WorkdayOverride(Base):
    """A date on which the zone's calendar differs from the library's (REGIME 4).

    A date may have a row set by hand and an imported one; the one set by hand goes first.
    """

    __tablename__ = "workday_override"

    on: Mapped[date] = mapped_column(primary_key=True)
    source: Mapped[Source] = mapped_column(enum_column(Source, "source"), primary_key=True)
    is_workday: Mapped[bool]
    note: Mapped[str | None]

    @property
    def id(self) -> int:
        """The date as a number, by which the audit trail knows it: 20260720."""
        return int(f"{self.on:%Y%m%d}")


class FigureRecord(Base):
    """A figure as it was assessed at its period's end, and as it was frozen (REGIME 4, Closing)."""

    __tablename__ = "figure"
    __table_args__ = (
        UniqueConstraint("rule_code", "person_id", "period"),
        CheckConstraint("(assessed_at IS NULL) = (assessed_status IS NULL)", "assessed_has_moment"),
        CheckConstraint("(frozen_at IS NULL) = (frozen_status IS NULL)", "frozen_has_moment"),
        CheckConstraint("judged_by IN (1, 2)", "way_is_known"),
        Index(None, "period"),
        Index(None, "person_id", "last_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rule_id: Mapped[int] = mapped_column(ForeignKey("rule.id"))  # the version that judged
    rule_code: Mapped[str]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    period: Mapped[str]
    first_on: Mapped[date]
    last_on: Mapped[date]
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    # the `JudgingVersion`; of a frozen figure it stays
    judged_by: Mapped[int] = mapped_column(server_default="1")
    explanation: Mapped[str]  # JSON: which visits counted, and which did not and why

    assessed_at: Mapped[datetime | None]
    assessed_required: Mapped[int | None]
    assessed_achieved: Mapped[int | None]
    assessed_planned: Mapped[int | None]
    assessed_pace: Mapped[int | None]
    assessed_status: Mapped[FigureStatus | None] = mapped_column(
        enum_column(FigureStatus, "assessed_status")
    )
    assessed_workdays: Mapped[int | None]
    assessed_present: Mapped[int | None]

    frozen_at: Mapped[datetime | None]
    frozen_required: Mapped[int | None]
    frozen_achieved: Mapped[int | None]
    frozen_planned: Mapped[int | None]
    frozen_pace: Mapped[int | None]
    frozen_status: Mapped[FigureStatus | None] = mapped_column(
        enum_column(FigureStatus, "frozen_status")
    )
    frozen_workdays: Mapped[int | None]
    frozen_present: Mapped[int | None]


class Correction(Base):
    """What a later edit would make of a frozen figure; a supervisor signs it (REGIME 4)."""

    __tablename__ = "correction"
    __table_args__ = (
        CheckConstraint("(signed_at IS NULL) = (signed_by_id IS NULL)", "signed_has_moment"),
        Index(None, "figure_id"),
        Index(None, "signed_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    figure_id: Mapped[int] = mapped_column(ForeignKey("figure.id"))
    made_at: Mapped[datetime]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # none: an import
    why: Mapped[str]  # what was done, to which visit, and the reason: as it is shown
    reason: Mapped[str | None]  # in the author's words; none until somebody gives one
    from_required: Mapped[int]
    from_achieved: Mapped[int]
    from_status: Mapped[FigureStatus] = mapped_column(enum_column(FigureStatus, "from_status"))
    to_required: Mapped[int]
    to_achieved: Mapped[int]
    to_status: Mapped[FigureStatus] = mapped_column(enum_column(FigureStatus, "to_status"))
    signed_at: Mapped[datetime | None]
    signed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
