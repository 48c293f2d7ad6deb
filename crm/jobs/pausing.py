"""Pausing a job and resuming it: what fell due meanwhile is handled as after a downtime."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.errors import Refused
from crm.jobs.models import JobPause
from crm.jobs.timetable import RESTS_ON, JobName
from crm.people.models import Person
from crm.people.rules import Role


def pause_of(db: Session, job: str) -> JobPause | None:
    """The pause of the job; none where it runs."""
    return db.scalar(select(JobPause).where(JobPause.job == job))


def pauses(db: Session) -> dict[str, JobPause]:
    """The paused jobs by their names."""
    return {pause.job: pause for pause in db.scalars(select(JobPause).order_by(JobPause.job))}


def held(db: Session) -> set[str]:
    """The jobs of which no slot is taken: those that are paused, and those that rest on them."""
    paused = set(db.scalars(select(JobPause.job)))
    return paused | {name for name, other in RESTS_ON.items() if other in paused}


def pause_job(db: Session, *, job: JobName, why: str, by: Person | None, now: datetime) -> JobPause:
    """Take no slot of the job from now on; refused as `not_yours`, `required`, `already_paused`."""
    _refuse_others(by)
    if not (why := " ".join(why.split())):
        raise Refused("required", field="why")
    if pause_of(db, job):
        raise Refused("already_paused", job=job)
    pause = JobPause(job=job, paused_at=now, by_id=by.id if by else None, why=why)
    db.add(pause)
    after = {"job": job, "reason": why}
    record(db, "job.paused", pause, by=by, at=now, after=after)
    return pause


def resume_job(db: Session, *, job: JobName, by: Person | None, now: datetime) -> None:
    """Take the job's slots again; refused as `not_yours`, `not_paused`."""
    _refuse_others(by)
    if (pause := pause_of(db, job)) is None:
        raise Refused("not_paused", job=job)
    before = {"job": job, "reason": pause.why}
    record(db, "job.resumed", pause, by=by, at=now, before=before, after={"job": job})
    db.delete(pause)
    db.flush()


def _refuse_others(by: Person | None) -> None:
    if by is not None and by.role is not Role.ADMIN:  # none: the operator of the server
        raise Refused("not_yours")
