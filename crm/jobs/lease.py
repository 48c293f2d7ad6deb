"""The lease of the one node that runs the timetable; it ends by the database's clock (DESIGN 3)."""

from datetime import timedelta

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from crm.base.db import database_now, insert_into
from crm.jobs.models import Lease

TIMETABLE = "timetable"
LASTS = timedelta(seconds=90)
LONGEST_BREAK = timedelta(days=31)  # no downtime lasts longer without anybody's notice
GIVEN_BACK = ""  # the holder of a lease whose last one retired


def hold(
    db: Session, holder: str, *, name: str = TIMETABLE, lasts: timedelta | None = None
) -> bool:
    """Take or renew the lease; False while another holds it, or after too long a silence.

    The silence is judged in the statement that ends it: a clock that leaps after it was asked about
    makes no lease by which the years between would be lived.
    """
    lasts = lasts or LASTS
    row = insert_into(db, Lease).values(
        name=name, holder=holder, expires_at=database_now(db, lasts)
    )
    taken = row.on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": row.excluded.holder, "expires_at": row.excluded.expires_at},
        where=and_(
            Lease.expires_at > database_now(db, -LONGEST_BREAK),
            or_(
                Lease.holder == holder,
                Lease.expires_at <= database_now(db),
                # Made by a clock that ran ahead and was set back: nobody holds one for so long.
                Lease.expires_at > database_now(db, 2 * lasts),
            ),
        ),
    )

    return db.scalar(taken.returning(Lease.holder)) is not None


def renew(db: Session, holder: str, *, name: str = TIMETABLE) -> None:
    """Make the holder's own lease last longer; one that passed on stays with the other.

    One that ran out and that nobody took is still its own, but not after too long a silence.
    """
    own = update(Lease).where(
        Lease.name == name,
        Lease.holder == holder,
        Lease.expires_at > database_now(db, -LONGEST_BREAK),
    )
    db.execute(own.values(expires_at=database_now(db, LASTS)))


def release(db: Session, holder: str, *, name: str = TIMETABLE) -> None:
    """Give the lease back, so that another node need not wait for its end; the moment is kept."""
    now = database_now(db)
    held = update(Lease).where(Lease.name == name, Lease.holder == holder, Lease.expires_at > now)
    db.execute(held.values(holder=GIVEN_BACK, expires_at=now))


def end_silence(db: Session, name: str = TIMETABLE) -> None:
    """Let a lease that nobody holds count as given back now, however long ago that was."""
    now = database_now(db)
    ended = update(Lease).where(Lease.name == name, Lease.expires_at <= now)
    db.execute(ended.values(holder=GIVEN_BACK, expires_at=now))


def holder_of(db: Session, name: str = TIMETABLE) -> str | None:
    """Who holds the lease at this moment."""
    held = select(Lease.holder).where(Lease.name == name, Lease.expires_at > database_now(db))
    return db.scalar(held)


def silence(db: Session, name: str = TIMETABLE) -> timedelta | None:
    """How long ago a node last renewed the lease or gave it back; none where none ever did.

    Every process can tell it, and by the database's clock alone: no machine's clock has a say.
    """
    query = select(Lease.holder, Lease.expires_at, database_now(db)).where(Lease.name == name)
    if (row := db.execute(query).one_or_none()) is None:
        return None
    holder, expires_at, now = row
    last = expires_at if holder == GIVEN_BACK else expires_at - LASTS
    return max(now - last, timedelta(0))  # a clock set back makes no negative age
