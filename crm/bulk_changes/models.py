"""Changes of many leads, with what each was before."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from crm.base.db import Base, enum_column
from crm.bulk_changes.rules import BulkKind


class BulkChange(Base):
    """One change of many leads, kept apart from the trail so that it can be taken back."""

    __tablename__ = "bulk_change"
    __table_args__ = (Index(None, "made_by_id", "made_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # of the form: sent twice, it is one change
    kind: Mapped[BulkKind] = mapped_column(enum_column(BulkKind, "kind"))
    made_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]
    count: Mapped[int]  # of the leads that it changed
    # what each lead was before, as JSON; a lead that is merged away since is no row any more
    journal: Mapped[str]
    undone_at: Mapped[datetime | None]
