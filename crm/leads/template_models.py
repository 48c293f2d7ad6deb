"""Templates of plans: milestones with offsets from a start (PROJECTS 1)."""

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.base.db import Base


class PlanTemplate(Base):
    """What a kind of project reaches, and when (倒排工期)."""

    __tablename__ = "plan_template"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    is_used: Mapped[bool]

    steps: Mapped[list["PlanTemplateStep"]] = relationship(
        lazy="raise",
        cascade="all, delete-orphan",
        order_by="PlanTemplateStep.workdays, PlanTemplateStep.kind",
    )


class PlanTemplateStep(Base):
    """A milestone, so many working days after the start."""

    __tablename__ = "plan_template_step"
    __table_args__ = (CheckConstraint("workdays >= 0", "not_before_the_start"),)

    template_id: Mapped[int] = mapped_column(ForeignKey("plan_template.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(ForeignKey("milestone_kind.code"), primary_key=True)
    workdays: Mapped[int]
