"""Counters with a time window, in the database so that all processes share them."""

from datetime import datetime, timedelta

from sqlalchemy import case, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from crm.base.db import Base, insert_into


class RateCount(Base):
    """How often something happened since its time window began."""

    __tablename__ = "rate_count"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    count: Mapped[int]
    ends_at: Mapped[datetime] = mapped_column(index=True)


def count_up(db: Session, key: str, *, seconds: int, now: datetime, amount: int = 1) -> int:
    """Add to the key's count and return it; once its window has ended, the count starts anew."""
    ended = select(RateCount.id).where(RateCount.ends_at <= now).with_for_update(skip_locked=True)
    db.execute(delete(RateCount).where(RateCount.id.in_(ended)))

    ends_at = now + timedelta(seconds=seconds)
    insert = insert_into(db, RateCount).values(key=key, count=max(amount, 0), ends_at=ends_at)
    has_ended = RateCount.ends_at <= now  # skipped above, as another process held the row
    counted = insert.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "count": case((has_ended, max(amount, 0)), else_=RateCount.count + amount),
            "ends_at": case((has_ended, ends_at), else_=RateCount.ends_at),
        },
    )
    return db.execute(counted.returning(RateCount.count)).scalar_one()
