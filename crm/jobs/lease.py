"""The lease of the one node that runs the timetable; it ends by the database's clock (DESIGN 3)."""

from datetime import timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from crm.base.db import database_now, insert_into
from crm.jobs.models import Lease

TIMETABLE = "timetable"
LASTS = timedelta(seconds=90)


def hold(db: Session, holder: str, *, name: str = TIMETABLE, lasts: timedelta = LASTS) -> bool:
    """Take or renew the lease; False while another holds it."""
    row = insert_into(db, Lease).values(
        name=name, holder=holder, expires_at=database_now(db, lasts)
    )
    taken = row.on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": row.excluded.holder, "expires_at": row.excluded.expires_at},
        where=or_(Lease.holder == holder, Lease.expires_at <= database_now(db)),
    )
    return db.scalar(taken.returning(Lease.holder)) is not None


def release(db: Session, holder: str, *, name: str = TIMETABLE) -> None:
    """Give the lease back, so that another node need not wait for its end."""
    db.execute(delete(Lease).where(Lease.name == name, Lease.holder == holder))


def holder_of(db: Session, name: str = TIMETABLE) -> str | None:
    """Who holds the lease at this moment."""
    held = select(Lease.holder).where(Lease.name == name, Lease.expires_at > database_now(db))
    return db.scalar(held)
