"""Health for monitors: whether the process lives, and whether all that it needs does."""

from datetime import timedelta

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm.base.db_faults import Fault, fault_of
from crm.extensions import db
from crm.jobs import health
from crm.jobs.health import Health
from crm.web.transaction import moment

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def lives() -> ResponseReturnValue:
    """The process answers; nothing else is asked, least of all the database."""
    return {"state": Health.OK}


@bp.get("/readyz")
def is_ready() -> ResponseReturnValue:
    """Counts and ages only, since anyone may ask; 503 where a person has to look."""
    told = _told(db.session)
    ready = Health.FAIL not in told.values()
    return {"state": Health.OK if ready else Health.FAIL, **told}, 200 if ready else 503


def _told(rows: Session) -> dict[str, object]:
    try:
        if not health.has_file(db.engine):
            return {"database": Health.FAIL}
        if health.is_read_only(rows):
            return {"database": Health.FAIL, "read_only": True}
        if not health.is_migrated(rows):
            return {"database": Health.OK, "migrations": Health.FAIL}
        return {"database": Health.OK, "migrations": Health.OK, **_work(rows)}
    except DBAPIError as error:
        rows.rollback()
        read_only = {"read_only": True} if fault_of(error) is Fault.READ_ONLY else {}
        return {"database": Health.FAIL, **read_only}


def _work(rows: Session) -> dict[str, object]:
    pulse = health.pulse(rows, now=moment())
    backlog = health.backlog(rows, now=moment())
    return {
        "clock": pulse.health,
        "last_tick_seconds": _seconds(pulse.silent_for) if pulse.has_ticked else None,
        "paused_jobs": len(health.paused(rows)),
        "outbox": backlog.health,
        "backlog": {state.value: pile.count for state, pile in backlog.piles.items()},
        "oldest_seconds": _seconds(backlog.oldest),
    }


def _seconds(age: timedelta | None) -> int | None:
    return None if age is None else int(age.total_seconds())
