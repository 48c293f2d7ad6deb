"""The lease of the one node that runs the timetable; it ends by the database's clock."""

from datetime import timedelta

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from crm.base.db import database_now, insert_into
from crm.jobs.models import Lease

TIMETABLE = "timetable"
LASTS = timedelta(seconds=90)
LONGEST_SILENCE = timedelta(days=31)  # no downtime lasts longer unnoticed
RELEASED = ""  # the holder of a lease that was released early


def acquire(
    db: Session, holder: str, *, name: str = TIMETABLE, lasts: timedelta | None = None
) -> bool:
    """Take or renew the lease; False while another holds it, or after too long a silence.

    The silence is checked in this very statement, because the clock may leap after `clock_check`.
    """
    lasts = lasts or LASTS
    row = insert_into(db, Lease).values(
        name=name, holder=holder, expires_at=database_now(db, lasts)
    )
    taken = row.on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": row.excluded.holder, "expires_at": row.excluded.expires_at},
        where=and_(
            Lease.expires_at > database_now(db, -LONGEST_SILENCE),
            or_(
                Lease.holder == holder,
                Lease.expires_at <= database_now(db),
                # Taken by a clock that ran ahead and was set back: no lease lasts so long.
                Lease.expires_at > database_now(db, 2 * lasts),
            ),
        ),
    )

    return db.scalar(taken.returning(Lease.holder)) is not None


def renew(db: Session, holder: str, *, name: str = TIMETABLE) -> None:
    """Extend the holder's lease, unless another node has taken it.

    A lease that ran out and was not taken is still the holder's, but not after too long a silence.
    """
    own = update(Lease).where(
        Lease.name == name,
        Lease.holder == holder,
        Lease.expires_at > database_now(db, -LONGEST_SILENCE),
    )
    db.execute(own.values(expires_at=database_now(db, LASTS)))


def release(db: Session, holder: str, *, name: str = TIMETABLE) -> None:
    """Release the lease early so another node can take over; keep the release time."""
    now = database_now(db)
    held = update(Lease).where(Lease.name == name, Lease.holder == holder, Lease.expires_at > now)
    db.execute(held.values(holder=RELEASED, expires_at=now))


def reset_silence(db: Session, name: str = TIMETABLE) -> None:
    """Let a lease that nobody holds count as released just now."""
    now = database_now(db)
    ended = update(Lease).where(Lease.name == name, Lease.expires_at <= now)
    db.execute(ended.values(holder=RELEASED, expires_at=now))


def holder_of(db: Session, name: str = TIMETABLE) -> str | None:
    """The current holder of the lease."""
    held = select(Lease.holder).where(Lease.name == name, Lease.expires_at > database_now(db))
    return db.scalar(held)


def silent_for(db: Session, name: str = TIMETABLE) -> timedelta | None:
    """The time since a node last renewed or released the lease; None where none ever held it.

    It is measured by the database's clock alone, so that a wrong machine clock has no effect.
    """
    query = select(Lease.holder, Lease.expires_at, database_now(db)).where(Lease.name == name)
    if (row := db.execute(query).one_or_none()) is None:
        return None
    holder, expires_at, now = row
    last = expires_at if holder == RELEASED else expires_at - LASTS
    return max(now - last, timedelta(0))  # not negative after a clock was set back
