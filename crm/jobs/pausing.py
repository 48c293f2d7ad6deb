"""Pausing and resuming a job; slots that fall due meanwhile are handled as after a downtime."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.errors import Refused
from crm.jobs.models import JobPause
from crm.jobs.timetable import DEPENDS_ON, JobName
from crm.people.models import Person
from crm.people.rules import SYSTEM


def pause_of(db: Session, job: str) -> JobPause | None:
    return db.scalar(select(JobPause).where(JobPause.job == job))


def pauses(db: Session) -> dict[str, JobPause]:
    """The pauses by job name."""
    return {pause.job: pause for pause in db.scalars(select(JobPause).order_by(JobPause.job))}


def held_jobs(db: Session) -> set[str]:
    """The jobs whose slots are not taken: paused ones, and those that depend on them."""
    return held_by(db.scalars(select(JobPause.job)).all())


def held_by(paused: Collection[str]) -> set[str]:
    """These paused jobs, and those that depend on them."""
    return {*paused, *(name for name, other in DEPENDS_ON.items() if other in paused)}


def pause_job(db: Session, *, job: JobName, why: str, by: Person | None, now: datetime) -> JobPause:
    """Take none of the job's slots from now on.

    Refused as `not_yours`, `required`, `already_paused`.
    """
    _require_admin(by)
    if not (why := " ".join(why.split())):
        raise Refused("required", field="why")
    # checked for a sentence; the unique key stops two at once
    if pause_of(db, job):
        raise Refused("already_paused", job=job)

    pause = JobPause(job=job, paused_at=now, by_id=by.id if by else None, why=why)
    db.add(pause)
    after = {"job": job, "reason": why}
    record(db, "job.paused", pause, by=by, at=now, after=after)

    return pause


def resume_job(db: Session, *, job: JobName, by: Person | None, now: datetime) -> None:
    """Take the job's slots again; refused as `not_yours`, `not_paused`."""
    _require_admin(by)
    if (pause := pause_of(db, job)) is None:
        raise Refused("not_paused", job=job)
    before = {"job": job, "reason": pause.why}
    record(db, "job.resumed", pause, by=by, at=now, before=before, after={"job": job})
    db.delete(pause)
    db.flush()


def _require_admin(by: Person | None) -> None:
    if by is not None and by.role not in SYSTEM:  # None: the operator of the server
        raise Refused("not_yours")
