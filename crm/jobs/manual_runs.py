"""A job looked at and run by hand: what its next slot would make, and doing what is due now."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from crm.base.audit import record
from crm.base.db import begin_to_write
from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.outbox import Message, MessageKind
from crm.jobs import ledger
from crm.jobs.handlers import Handler
from crm.jobs.models import JobRun
from crm.jobs.pausing import pause_of
from crm.jobs.runner import Clockwork, SlotOutcome, in_short
from crm.jobs.timetable import RESTS_ON, Job, JobName, Slot, Timing, timing
from crm.people.models import Person
from crm.quotas.queries import working_calendar

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that a slot would make."""

    person_id: int
    name: str
    kind: MessageKind
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a slot would make, if it were done now or, where it is not due, at its moment."""

    slot: Slot
    timing: Timing
    made: Mapping[str, int]
    letters: Sequence[Letter]
    error: str = ""  # why it would fail


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a slot that was run by hand."""

    slot: Slot
    outcome: SlotOutcome
    made: Mapping[str, int]


def next_slot(db: Session, jobs: Sequence[Job]) -> Slot:
    """The earliest slot of these jobs that is not done, whether it is due or to come."""
    return min(next_slots(db, jobs), key=lambda slot: slot.due_at)


def next_slots(db: Session, jobs: Sequence[Job]) -> list[Slot]:
    """The earliest slot of each of these jobs that is not done."""
    return [next(ahead) for ahead in ledger.upcoming(db, jobs, working_calendar(db))]


def run_now(clockwork: Clockwork, name: JobName, *, by: Person | None, now: datetime) -> Done:
    """Do the job's earliest slot that is due, also one that failed and would be tried later.

    Refused as `job_paused`, as `job_waits` for another that it rests on, and as `nothing_due`: a
    slot is about a period or a day, and done before its time it would tell of what has not come.
    """
    with clockwork.sessions() as db:
        if pause_of(db, name):
            raise Refused("job_paused", job=name)
        first = next_slot(db, clockwork.of(name))
        if first.due_at > now:
            raise Refused("nothing_due", job=name)
        _refuse_too_early(db, clockwork, first)
    noted = replace(clockwork, work={**clockwork.work, name: _noted(clockwork.work[name], by, now)})
    outcome, made = noted.do_one(first, now=now)
    return Done(first, outcome, made)


def _refuse_too_early(db: Session, clockwork: Clockwork, slot: Slot) -> None:
    other = RESTS_ON.get(slot.job.name)
    if other and next_slot(db, clockwork.of(other)).due_at <= slot.due_at:
        raise Refused("job_waits", job=JobName(slot.job.name), other=other)


def preview(clockwork: Clockwork, name: JobName, *, now: datetime) -> Preview:
    """What the job's next slot would make: all of it is done and undone, nothing is sent."""
    with _undone(clockwork.sessions) as db:
        slot = next_slot(db, clockwork.of(name))
        at = max(now, slot.due_at)
        ledger.claim(db, slot, now=at)
        when = timing(slot, working_calendar(db), now=at)
        if when is Timing.SKIPPED:
            return Preview(slot, when, {}, [])
        last = db.scalar(select(func.max(Message.id))) or 0
        try:
            made = clockwork.work[name](db, slot, when, clockwork.site)
            db.flush()
        except Exception as error:
            log.exception("slot.preview_failed", job=str(name), slot=slot.name)
            return Preview(slot, when, {}, [], in_short(error))
        return Preview(slot, when, dict(made), _letters(db, slot, last))


@contextmanager
def _undone(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A session that writes as a slot does, of which nothing is kept."""
    with sessions() as db:
        begin_to_write(db)
        try:
            yield db
        finally:
            db.rollback()


def _letters(db: Session, slot: Slot, last: int) -> list[Letter]:
    rows = db.execute(
        select(Message.person_id, Person.name, Message.kind, Message.subject, Message.body_text)
        .join(Person, Person.id == Message.person_id)
        .where(Message.id > last, Message.made_at == slot.due_at)
        .order_by(Message.id)
    )
    return [Letter(*row) for row in rows]


def _noted(work: Handler, by: Person | None, now: datetime) -> Handler:
    """The work, with an entry in the audit trail in the slot's own transaction."""

    def done(db: Session, slot: Slot, when: Timing, site: Site) -> Mapping[str, int]:
        query = select(JobRun).where(JobRun.job == slot.job.name, JobRun.slot == slot.name)
        after = {"job": slot.job.name, "slot": slot.name}
        record(db, "job.run_by_hand", db.scalars(query).one(), by=by, at=now, after=after)
        return work(db, slot, when, site)

    return done
