"""Doing what is due, slot by slot in order, each in a transaction of its own (DESIGN 3)."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from crm.base.audit import coming_from
from crm.base.db_faults import Fault, fault_of
from crm.base.enums import LabeledEnum
from crm.base.mail import Site
from crm.jobs import ledger
from crm.jobs.delivery import leave_in_mailbox
from crm.jobs.handlers import HANDLERS, Handler
from crm.jobs.pausing import held
from crm.jobs.staleness import never_stale
from crm.jobs.timetable import JOBS, RESTS_ON, Job, JobName, Slot, Timing, timing
from crm.jobs.write_yield import Turns
from crm.quotas.queries import working_calendar
from crm.transactions import transaction

log = structlog.get_logger()

Then = Callable[[Session, Slot], object]  # what happens to the mails of a slot, with its mark


def for_workers(_db: Session, _slot: Slot) -> None:
    """Leave them to whoever delivers."""


def into_mailbox(db: Session, slot: Slot) -> None:
    """Deliver them at the slot's own moment by leaving them in the mailbox."""
    leave_in_mailbox(db, now=slot.due_at, made_at=slot.due_at)


def whenever(db: Session, slot: Slot) -> None:
    """Have them mailed whenever it is: none of them is late."""
    never_stale(db, made_at=slot.due_at)


def in_short(error: Exception) -> str:
    """An error by its kind and first line; a database's further lines hold the row's values.

    Those may tell of a restricted lead: they are in the log, not on a page (REGIME 2).
    """
    first, _, _ = str(error).partition("\n")
    return f"{type(error).__name__}: {first}"


class SlotOutcome(LabeledEnum):
    """What became of a slot that was taken up."""

    DONE = "done", "完成"
    SKIPPED = "skipped", "跳过"
    FAILED = "failed", "失败"
    TAKEN = "taken", "已由其他节点完成"
    BUSY = "busy", "数据库忙"
    PAUSED = "paused", "已暂停"

    @property
    def halts(self) -> bool:
        """Whether the job's later slots have to wait: the order within one job is kept."""
        return self in (SlotOutcome.FAILED, SlotOutcome.BUSY, SlotOutcome.PAUSED)


@dataclass
class JobSummary:
    """What one job came to in a run."""

    outcomes: Counter[SlotOutcome] = field(default_factory=Counter)
    made: Counter[str] = field(default_factory=Counter)

    @property
    def is_incomplete(self) -> bool:
        """Whether a slot was not done that should have been."""
        return bool(self._failed)

    @property
    def _failed(self) -> int:
        return self.outcomes[SlotOutcome.FAILED] + self.outcomes[SlotOutcome.BUSY]

    def as_dict(self) -> dict[str, object]:
        """The summary as it is printed."""
        counts = {
            name.value: self.outcomes[name] for name in (SlotOutcome.DONE, SlotOutcome.SKIPPED)
        }
        if self._failed:
            counts["failed"] = self._failed
        return {**counts, "made": dict(sorted(self.made.items()))}


@dataclass(frozen=True)
class Clockwork:
    """The timetable with what drives it: a database, the jobs and their work."""

    sessions: sessionmaker[Session]
    site: Site
    jobs: Sequence[Job] = JOBS
    work: Mapping[str, Handler] = field(default_factory=lambda: HANDLERS)

    def run_due(
        self, now: Callable[[], datetime], *, may_go_on: Callable[[], bool] = lambda: True
    ) -> dict[str, JobSummary]:
        """Do all that is due by now, late slots as far as they are of use."""
        summaries = self._summaries()
        began = now()
        waiting = self._waiting(began)
        turns = Turns(self.sessions)

        for slot in self._due(began):
            name = slot.job.name
            if name in waiting or RESTS_ON.get(name) in waiting:
                continue
            if not may_go_on():
                break
            if self._run(slot, summaries[name], now=now(), then=for_workers).halts:
                waiting.add(name)
            turns.give()

        return summaries

    def run_until(self, until: datetime, *, to_mailbox: bool) -> dict[str, JobSummary]:
        """Live up to that moment: each slot as at its own moment, none of them late.

        `to_mailbox`: what is made is delivered by lying in the mailbox, in the slot's own
        transaction, so that no worker ever sends it by SMTP; else it is mailed, however long after.
        """
        summaries = self._summaries()
        halted: set[str] = set()
        then = into_mailbox if to_mailbox else whenever
        turns = Turns(self.sessions)

        for slot in self._due(until):
            name = slot.job.name
            if name in halted or RESTS_ON.get(name) in halted:
                continue
            if self._run(slot, summaries[name], now=slot.due_at, then=then).halts:
                halted.add(name)
            turns.give()

        return summaries

    def do_one(self, slot: Slot, *, now: datetime) -> tuple[SlotOutcome, Mapping[str, int]]:
        """Do one slot at that moment, as far as it is of use; what it made."""
        return self._try(slot, now=now, then=for_workers)

    def of(self, name: JobName) -> list[Job]:
        """The jobs of that name, one for each cycle."""
        return [job for job in self.jobs if job.name == name]

    def _summaries(self) -> dict[str, JobSummary]:
        return {str(job.name): JobSummary() for job in self.jobs}

    def _due(self, until: datetime) -> list[Slot]:
        with self.sessions() as db:
            return ledger.due(db, self.jobs, working_calendar(db), until=until)

    def _waiting(self, now: datetime) -> set[str]:
        """The jobs whose next slot failed a moment ago."""
        with self.sessions() as db:
            failed = ledger.failures(db, self.jobs)
            return {run.job for run in failed if now < ledger.next_try(run)}

    def _run(self, slot: Slot, summary: JobSummary, *, now: datetime, then: Then) -> SlotOutcome:
        outcome, made = self._try(slot, now=now, then=then)
        summary.outcomes[outcome] += 1
        summary.made.update(made)
        return outcome

    def _try(
        self, slot: Slot, *, now: datetime, then: Then
    ) -> tuple[SlotOutcome, Mapping[str, int]]:
        told = log.bind(job=str(slot.job.name), slot=slot.name)
        try:
            outcome, made = self._do(slot, now=now, then=then)
        except Exception as error:  # noqa: BLE001 - a job's outer edge: keep it, and go on (STYLE 6)
            is_ours = not isinstance(error, DBAPIError) or not fault_of(error).is_transient
            told.error("slot.failed", error=in_short(error), exc_info=is_ours)
            return self._fail(slot, error, now=now), {}
        told.info(f"slot.{outcome}", made=dict(made))
        return outcome, made

    def _do(
        self, slot: Slot, *, now: datetime, then: Then
    ) -> tuple[SlotOutcome, Mapping[str, int]]:
        with coming_from(f"clock {slot.job.name}"), transaction(self.sessions) as db:
            if slot.job.name in held(db):  # since this run began
                return SlotOutcome.PAUSED, {}
            run = ledger.claim(db, slot, now=now)
            if run is None:
                return SlotOutcome.TAKEN, {}
            when = timing(slot, working_calendar(db), now=now)
            if when is Timing.SKIPPED:
                ledger.finish(db, run, timing=when)
                return SlotOutcome.SKIPPED, {}
            made = self.work[slot.job.name](db, slot, when, self.site)
            db.flush()
            then(db, slot)
            ledger.finish(db, run, timing=when, made=made)
            return SlotOutcome.DONE, made

    def _fail(self, slot: Slot, error: Exception, *, now: datetime) -> SlotOutcome:
        """Keep the error; raises where the database cannot be written: no slot could be done."""
        try:
            with transaction(self.sessions) as db:
                useless = timing(slot, working_calendar(db), now=now).is_past_use
                skipped = ledger.record_failure(db, slot, in_short(error), now=now, useless=useless)
        except DBAPIError as unkept:
            if fault_of(unkept) is not Fault.BUSY:
                raise
            # locked by another runner: nothing was done, nothing is lost
            log.error("slot.busy", job=str(slot.job.name), slot=slot.name)  # noqa: TRY400 - no fault
            return SlotOutcome.BUSY
        return SlotOutcome.SKIPPED if skipped else SlotOutcome.FAILED
