"""Tables of kept digests, reported figures, nudge levels and leaders' comments on a month."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm.base.db import Base, enum_column
from crm.quotas.rules import FigureStatus


class KeptDigest(Base):
    """A digest in full, as JSON of its document; the message of the same key is its mail."""

    __tablename__ = "kept_digest"

    dedupe_key: Mapped[str] = mapped_column(
        ForeignKey("message.dedupe_key", ondelete="CASCADE"), primary_key=True
    )
    document: Mapped[str]


class ReportedFigure(Base):
    """A figure as the monthly digest reported it, before it was frozen."""

    __tablename__ = "reported_figure"
    __table_args__ = (UniqueConstraint("month", "rule_code", "person_id", "period"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[str]  # the digest's
    rule_code: Mapped[str]
    rule_name: Mapped[str]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    period: Mapped[str]
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    required: Mapped[int]
    achieved: Mapped[int]
    status: Mapped[FigureStatus] = mapped_column(enum_column(FigureStatus, "status"))


class MonthlyComment(Base):
    """A leader's comment on a settled month (月点评); once released it is not changed."""

    __tablename__ = "monthly_comment"
    __table_args__ = (Index(None, "month", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[str]
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    text: Mapped[str]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]  # of the last change
    released_at: Mapped[datetime | None]  # NULL: a draft, visible to its author only


class NudgeLevel(Base):
    """A running figure's state at the last noon, from which the number of nudges follows."""

    __tablename__ = "nudge_level"
    __table_args__ = (
        UniqueConstraint("rule_code", "person_id", "period"),
        CheckConstraint("count >= 0", "count_not_negative"),
        CheckConstraint("calm_noons >= 0", "calm_noons_not_negative"),
        Index(None, "last_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rule_code: Mapped[str]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    period: Mapped[str]
    last_on: Mapped[date]  # the period's last date
    count: Mapped[int]  # how often the figure fell behind anew
    calm_noons: Mapped[int]  # noons in a row at neither level
    noon_at: Mapped[datetime]
