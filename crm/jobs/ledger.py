"""The ledger of jobs: one row a slot, whose unique key makes it run once."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import date, datetime, timedelta
from heapq import merge
from itertools import dropwhile, takewhile

from sqlalchemy import ColumnElement, Update, case, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.db import insert_into
from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.paging import Page, page_of
from crm.base.periods import name_patterns
from crm.base.remembered import remembered_long
from crm.base.value_class import value_class
from crm.base.workdays import WorkingCalendar
from crm.jobs.backoff import wait_after
from crm.jobs.models import JobRun, RunState
from crm.jobs.pausing import held_by, held_jobs
from crm.jobs.timetable import Job, Slot, Timing, precedes_clock, slots

FIRST_WAIT = timedelta(seconds=30)
UNFINISHED = (RunState.FAILED, RunState.RUNNING)
GIVES_UP_AFTER = 5  # attempts at a slot that is of no use any more; others are repeated for ever


class Install(LabeledEnum):
    """The key of the row that says from when on there are slots."""

    JOB = "install", "安装"
    SLOT = "clock-from", "调度起点"


def install(db: Session, *, clock_from: datetime, now: datetime) -> None:
    """Store the moment before which no slot exists; a second installation changes nothing."""
    row = insert_into(db, JobRun).values(
        job=Install.JOB,
        slot=Install.SLOT,
        due_at=clock_from,
        state=RunState.DONE,
        finished_at=now,
        attempts=1,
    )
    db.execute(row.on_conflict_do_nothing(index_elements=["job", "slot"]))


INSTALLED = (JobRun.job == Install.JOB) & (JobRun.slot == Install.SLOT)
CLOCK_FROM = select(JobRun.due_at).where(INSTALLED)


def clock_from(db: Session) -> datetime:
    """The moment from which on there are slots; refused as `not_installed`."""
    return _or_refuse(db.scalar(CLOCK_FROM))


def _or_refuse(since: datetime | None) -> datetime:
    if since is None:
        raise Refused("not_installed")
    return since


def began_on(db: Session) -> date:
    """The date on which slots begin; `date.min` where nothing is installed."""
    # it never changes; that it is missing is not remembered
    since = remembered_long(db, "clock from", read=lambda: db.scalar(CLOCK_FROM))
    return civil_date(since) if since else date.min


def installed_at(db: Session) -> datetime | None:
    """When the clock was installed; None where it was not."""
    return db.scalar(select(JobRun.finished_at).where(INSTALLED))


def upcoming(db: Session, jobs: Sequence[Job], calendar: WorkingCalendar) -> list[Iterator[Slot]]:
    """Of each job the slots beyond the last finished one, without end.

    None is about a period that ended before the clock began.
    """
    # The names of one cycle sort as its slots do, so each of these is an index look-up.
    last = select(func.max(JobRun.slot)).where(JobRun.state.not_in(UNFINISHED))
    last_finished = (last.where(_is_of(job)).scalar_subquery() for job in jobs)
    row = db.execute(select(CLOCK_FROM.scalar_subquery(), *last_finished)).one()
    since = _or_refuse(row[0])

    ahead = (
        slots(job, calendar, since=since, last=name)
        for job, name in zip(jobs, row[1:], strict=True)
    )
    return [dropwhile(lambda slot: precedes_clock(slot, since), of_job) for of_job in ahead]


def due(
    db: Session,
    jobs: Sequence[Job],
    calendar: WorkingCalendar,
    *,
    until: datetime,
    paused: Collection[str] | None = None,
) -> list[Slot]:
    """The slots due up to then and not finished, in order; without those of paused jobs.

    `paused`: the names of the paused jobs, where the caller has read them.
    """
    held = held_jobs(db) if paused is None else held_by(paused)
    running = [job for job in jobs if job.name not in held]
    ahead = (
        takewhile(lambda slot: slot.due_at <= until, slots_of_job)
        for slots_of_job in upcoming(db, running, calendar)
    )
    return list(merge(*ahead, key=lambda slot: slot.due_at))


def skip_before(
    db: Session, jobs: Sequence[Job], calendar: WorkingCalendar, *, until: datetime, reason: str
) -> None:
    """Skip each job's slots before that moment, by recording the last of them as skipped."""
    for slots_of_job in upcoming(db, jobs, calendar):
        passed = list(takewhile(lambda slot: slot.due_at < until, slots_of_job))
        if passed:
            row = _row(db, passed[-1], RunState.SKIPPED, now=until, reason=reason)
            db.execute(row)


def claim(db: Session, slot: Slot, *, now: datetime) -> int | None:
    """Claim the slot in this transaction: the row's id, or None where the slot is finished.

    A second runner waits here for the first one's transaction, for a bounded time.
    """
    _bound_waits(db)
    return db.scalar(_row(db, slot, RunState.DONE, now=now, reason=None).returning(JobRun.id))


def finish(
    db: Session, run_id: int, *, timing: Timing, made: Mapping[str, int] | None = None
) -> None:
    """Mark the claimed slot as done or skipped, with counts and the reason it was not on time."""
    db.execute(_finished(timing, made).where(JobRun.id == run_id))


def _finished(timing: Timing, made: Mapping[str, int] | None) -> Update:
    return update(JobRun).values(
        state=RunState.SKIPPED if timing is Timing.SKIPPED else RunState.DONE,
        made=None if made is None else _as_json(made),
        reason=None if timing is Timing.ON_TIME else timing.label,
    )


@value_class
class Progress:
    """How far a slot that is done in batches has come."""

    run_id: int
    position: str = ""
    made: Mapping[str, int] = field(default_factory=dict)

    def after(self, position: str, made: Mapping[str, int]) -> "Progress":
        """The progress once a batch has been written as well."""
        return Progress(self.run_id, position, Counter(self.made) + Counter(made))


def open_slot(db: Session, run_id: int) -> Progress:
    """Leave the claimed slot open, for one batch after the other; how far it came before."""
    run = db.get_one(JobRun, run_id)
    run.state = RunState.RUNNING
    return Progress(run_id, run.position or "", json.loads(run.made or "{}"))


def advance(db: Session, before: Progress, after: Progress) -> bool:
    """Record that a batch is written; False where another runner went on with the slot."""
    _bound_waits(db)
    moved = update(JobRun).values(position=after.position, made=_as_json(after.made))
    return _is_changed(db, moved, before)


def close_slot(db: Session, progress: Progress, *, timing: Timing) -> bool:
    """Mark the open slot as done; False where another runner has done so."""
    _bound_waits(db)
    return _is_changed(db, _finished(timing, progress.made), progress)


def _is_changed(db: Session, change: Update, progress: Progress) -> bool:
    """Whether the slot was open, and no further than that, and so was changed."""
    as_known = (
        JobRun.id == progress.run_id,
        JobRun.state == RunState.RUNNING,
        func.coalesce(JobRun.position, "") == progress.position,
    )
    return db.scalar(change.where(*as_known).returning(JobRun.id)) is not None


def _as_json(made: Mapping[str, int]) -> str:
    return json.dumps(dict(made), sort_keys=True)


def record_failure(db: Session, slot: Slot, error: str, *, now: datetime, useless: bool) -> bool:
    """Record the error of a slot that was rolled back; True where it is given up and skipped.

    A slot that another runner finished meanwhile stays finished.
    """
    _bound_waits(db)

    failed = _row(db, slot, RunState.FAILED, now=now, reason=error)
    attempts = db.scalar(failed.returning(JobRun.attempts)) or 0
    # A slot that is still of use is repeated for ever: giving up would lose it.
    if not useless or attempts < GIVES_UP_AFTER:
        return False

    db.execute(
        update(JobRun)
        .where(JobRun.job == slot.job.name, JobRun.slot == slot.name)
        .values(state=RunState.SKIPPED, reason=f"多次失败且已过时限，跳过：{error}")
    )

    return True


def failures(db: Session, jobs: Sequence[Job]) -> Sequence[JobRun]:
    """The failed runs of these jobs; each job has one at most, which blocks its later slots."""
    names = [str(job.name) for job in jobs]
    query = select(JobRun).where(JobRun.state == RunState.FAILED, JobRun.job.in_(names))
    return db.scalars(query).all()


def next_attempt_at(failed: JobRun) -> datetime:
    """When a failed slot is tried again."""
    return failed.finished_at + wait_after(failed.attempts, first=FIRST_WAIT)


def claimed_at(db: Session, slot: Slot) -> datetime:
    """When the slot was claimed, by the clock of the node that claimed it."""
    query = select(JobRun.finished_at).where(JobRun.job == slot.job.name, JobRun.slot == slot.name)
    return db.scalars(query).one()


def last_run(db: Session, job: Job) -> JobRun | None:
    """The run of the job's latest slot."""
    query = select(JobRun).where(_is_of(job)).order_by(JobRun.slot.desc())
    return db.scalar(query.limit(1))


def last_runs(db: Session, names: Iterable[str]) -> dict[str, JobRun]:
    """The run of the latest slot by job name, without jobs that never ran."""
    latest = select(JobRun.id).order_by(JobRun.due_at.desc(), JobRun.id.desc()).limit(1)
    # Each of these is an index look-up, however many runs a job has.
    ids = [latest.where(JobRun.job == name).scalar_subquery() for name in names]
    return {run.job: run for run in db.scalars(select(JobRun).where(JobRun.id.in_(ids)))}


def runs_page(db: Session, name: str, *, cursor: str | None = None) -> Page[JobRun]:
    """The runs of that name, the latest first."""
    query = select(JobRun).where(JobRun.job == name)
    return page_of(db, query, on=JobRun.due_at, row_id=JobRun.id, cursor=cursor)


def _is_of(job: Job) -> ColumnElement[bool]:
    """The job's runs; several jobs may share a name and differ in their kind of period."""
    patterns = name_patterns(job.cycle) if job.cycle else ("%",)
    return (JobRun.job == job.name) & or_(*(JobRun.slot.like(pattern) for pattern in patterns))


def _bound_waits(db: Session) -> None:
    """Limit how long a runner that was stopped in its slot can block the others."""
    if db.get_bind().dialect.name == "postgresql":
        # SQLite bounds waits by itself, with the timeout of the connection.
        db.execute(text("SET LOCAL lock_timeout = '10s'"))
        db.execute(text("SET LOCAL idle_in_transaction_session_timeout = '120s'"))


def _row(
    db: Session, slot: Slot, state: RunState, *, now: datetime, reason: str | None
) -> sqlite.Insert | postgresql.Insert:
    values = {"state": state, "finished_at": now, "reason": reason}
    row = insert_into(db, JobRun).values(
        job=slot.job.name, slot=slot.name, due_at=slot.due_at, attempts=1, **values
    )
    # An open slot was counted when it was opened, in a transaction of its own.
    attempts = JobRun.attempts + case((JobRun.state == RunState.RUNNING, 0), else_=1)
    # Only an unfinished run is written over; for a finished one nothing is returned.
    return row.on_conflict_do_update(
        index_elements=["job", "slot"],
        set_={**values, "attempts": attempts, "due_at": slot.due_at},
        where=JobRun.state.in_(UNFINISHED),
    )
