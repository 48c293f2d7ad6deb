"""Running a job by hand, and previewing what its next slot would make."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from crm.base.audit import record
from crm.base.db import begin_to_write
from crm.base.errors import Refused
from crm.base.logs import structlog
from crm.base.outbox import Message, MessageKind
from crm.base.value_class import value_class
from crm.jobs import ledger
from crm.jobs.models import JobRun
from crm.jobs.pausing import pause_of
from crm.jobs.runner import Runner, SlotOutcome, short_error
from crm.jobs.timetable import DEPENDS_ON, Job, JobName, Slot, Timing, timing_of_slot
from crm.people.models import Person
from crm.quotas.queries import working_calendar

log = structlog.get_logger()


@value_class
class PreviewedMail:
    """A mail that the slot would make."""

    person_id: int
    name: str
    kind: MessageKind
    subject: str
    text: str


@value_class
class Preview:
    """What a slot would make if it ran now or, where it is not due yet, at its moment."""

    slot: Slot
    timing: Timing
    made: Mapping[str, int]
    mails: Sequence[PreviewedMail]
    error: str = ""  # why it would fail


@value_class
class ManualRun:
    """The result of a slot that was run by hand."""

    slot: Slot
    outcome: SlotOutcome
    made: Mapping[str, int]


def next_slot(db: Session, jobs: Sequence[Job]) -> Slot:
    """The earliest slot of these jobs that is not done, due or not."""
    return min(next_slots(db, jobs), key=lambda slot: slot.due_at)


def next_slots(db: Session, jobs: Sequence[Job]) -> list[Slot]:
    """The earliest slot of each of these jobs that is not done."""
    return [next(ahead) for ahead in ledger.upcoming(db, jobs, working_calendar(db))]


def run_now(runner: Runner, name: JobName, *, by: Person | None, now: datetime) -> ManualRun:
    """Run the job's earliest slot that is due, even one that waits for its next attempt.

    Refused as `job_paused`, as `job_waits` for another that it depends on, and as `nothing_due`:
    a slot that runs before its time would report a period that is not over.
    """
    with runner.sessions() as db:
        if pause_of(db, name):
            raise Refused("job_paused", job=name)
        first = next_slot(db, runner.jobs_named(name))
        if first.due_at > now:
            raise Refused("nothing_due", job=name)
        _refuse_too_early(db, runner, first)

    manual = replace(runner, when_claimed=partial(_record, by=by, now=now))
    outcome, made = manual.run_slot(first, now=now)
    return ManualRun(first, outcome, made)


def _refuse_too_early(db: Session, runner: Runner, slot: Slot) -> None:
    other = DEPENDS_ON.get(slot.job.name)
    if other and next_slot(db, runner.jobs_named(other)).due_at <= slot.due_at:
        raise Refused("job_waits", job=JobName(slot.job.name), other=other)


def preview(runner: Runner, name: JobName, *, now: datetime) -> Preview:
    """What the job's next slot would make; it runs and is rolled back, so nothing is sent."""
    with _rolled_back(runner.sessions) as db:
        slot = next_slot(db, runner.jobs_named(name))
        at = max(now, slot.due_at)
        ledger.claim(db, slot, now=at)
        when = timing_of_slot(slot, working_calendar(db), now=at)
        if when is Timing.SKIPPED:
            return Preview(slot, when, {}, [])

        # Whatever has a higher id afterwards was made by this slot.
        last = db.scalar(select(func.max(Message.id))) or 0
        try:
            made = runner.make_all(db, slot, when)
            db.flush()
        except Exception as error:
            log.exception("slot.preview_failed", job=str(name), slot=slot.name)
            return Preview(slot, when, {}, [], short_error(error))
        return Preview(slot, when, dict(made), _mails_made(db, slot, last))


@contextmanager
def _rolled_back(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A session that writes as a slot does, and is rolled back."""
    with sessions() as db:
        begin_to_write(db)
        try:
            yield db
        finally:
            db.rollback()


def _mails_made(db: Session, slot: Slot, last: int) -> list[PreviewedMail]:
    rows = db.execute(
        select(Person.id, Person.name, Message.kind, Message.subject, Message.body_text)
        .join(Person, Person.id == Message.person_id)
        .where(Message.id > last, Message.made_at == slot.due_at)
        .order_by(Message.id)
    )
    return [PreviewedMail(*row) for row in rows]


def _record(db: Session, slot: Slot, *, by: Person | None, now: datetime) -> None:
    query = select(JobRun).where(JobRun.job == slot.job.name, JobRun.slot == slot.name)
    after = {"job": slot.job.name, "slot": slot.name}
    record(db, "job.run_by_hand", db.scalars(query).one(), by=by, at=now, after=after)
