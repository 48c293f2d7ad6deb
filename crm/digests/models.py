"""What a monthly digest said, kept to tell what the settled figures changed (REGIME 5)."""

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm.base.db import Base, word
from crm.quotas.rules import FigureStatus


class ReportedFigure(Base):
    """A figure that was not frozen yet, as the digest of a month told it."""

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
    status: Mapped[FigureStatus] = mapped_column(word(FigureStatus, "status"))
