"""Health checks for monitors: liveness and readiness."""

from datetime import timedelta

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm.base.db_faults import Fault, fault_of
from crm.extensions import db
from crm.jobs import health
from crm.jobs.health import Health
from crm.web.transaction import REPLICA, moment

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def lives() -> ResponseReturnValue:
    """Liveness: the process answers, whatever the database does."""
    return {"state": Health.OK}


@bp.get("/readyz")
def is_ready() -> ResponseReturnValue:
    """Readiness as counts and ages only, since anyone may ask; 503 where somebody must act."""
    checks = _checks(db.session)
    ready = Health.FAIL not in checks.values()
    return {"state": Health.OK if ready else Health.FAIL, **checks}, 200 if ready else 503


def _checks(session: Session) -> dict[str, object]:
    try:
        # each check rests on the one before
        if not health.has_file(db.engine):
            return {"database": Health.FAIL}
        if health.is_read_only(session):
            return {"database": Health.FAIL, "read_only": True}
        if not health.is_migrated(session):
            return {"database": Health.OK, "migrations": Health.FAIL}

        return {"database": Health.OK, "migrations": Health.OK, **_work(session), **_replica()}
    except DBAPIError as error:
        # the failed transaction would refuse the next query
        session.rollback()
        read_only = {"read_only": True} if fault_of(error) is Fault.READ_ONLY else {}
        return {"database": Health.FAIL, **read_only}


def _work(session: Session) -> dict[str, object]:
    pulse = health.pulse(session, now=moment())
    backlog = health.backlog(session, now=moment())
    return {
        "clock": pulse.health,
        "last_tick_seconds": _seconds(pulse.silent_for) if pulse.has_ticked else None,
        "paused_jobs": len(health.paused(session)),
        "delivery": Health.WARN if health.why_held(session) else Health.OK,
        "outbox": backlog.health,
        "backlog": {state.value: pile.count for state, pile in backlog.piles.items()},
        "oldest_seconds": _seconds(backlog.oldest),
    }


def _replica() -> dict[str, object]:
    if REPLICA not in db.engines:
        return {}
    state, lag = health.replica_lag(db.get_engine(REPLICA))
    return {"replica": state, "replica_lag_seconds": _seconds(lag)}


def _seconds(age: timedelta | None) -> int | None:
    return None if age is None else int(age.total_seconds())
