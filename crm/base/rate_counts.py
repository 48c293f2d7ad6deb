"""Counters with a time window, in the database so that all processes share them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from limits.storage import Storage
from sqlalchemy import case, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from crm.base import clock
from crm.base.db import Base, insert_into, writing


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


class DatabaseStorage(Storage):
    """Flask-Limiter's counts; each change is a short transaction of its own."""

    STORAGE_SCHEME = ("crm-database",)  # type: ignore[assignment] # read as any sequence

    def __init__(
        self, uri: str, *, sessions: Callable[[], sessionmaker[Session]], **_: Any
    ) -> None:
        super().__init__(uri)
        self._sessions = sessions

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """None: an unreachable database gets the same answer as on every page."""
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        with writing(self._sessions()) as db:
            return count_up(db, key, seconds=expiry, now=clock.now(), amount=amount)

    def get(self, key: str) -> int:
        """The count in the current window."""
        row = self._row(key)
        return row.count if row else 0

    def get_expiry(self, key: str) -> float:
        """When the current window ends, in seconds since 1970."""
        row = self._row(key)
        return row.ends_at.timestamp() if row else clock.now().timestamp()

    def check(self) -> bool:
        """Always true: the health checks look at the database themselves."""
        return True

    def reset(self) -> int | None:
        with writing(self._sessions()) as db:
            db.execute(delete(RateCount))
        return None

    def clear(self, key: str) -> None:
        with writing(self._sessions()) as db:
            db.execute(delete(RateCount).where(RateCount.key == key))

    def _row(self, key: str) -> RateCount | None:
        with self._sessions()() as db:
            running = select(RateCount).where(RateCount.key == key, RateCount.ends_at > clock.now())
            return db.scalar(running)
