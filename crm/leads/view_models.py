"""Saved views of the list of leads."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm.base.db import Base


class LeadView(Base):
    """Filters and an order under a name, of one person, or shared with a unit (PROJECTS 2)."""

    __tablename__ = "lead_view"
    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str]
    query: Mapped[str]  # as the address of the list has it
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"), index=True)
    saved_at: Mapped[datetime]
