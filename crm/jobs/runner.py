"""Runs what is due, slot by slot in order, each in a transaction of its own or in batches."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from crm.base.audit import coming_from
from crm.base.db_faults import Fault, fault_of
from crm.base.enums import LabeledEnum
from crm.base.logs import structlog
from crm.base.mail import Site
from crm.jobs import ledger
from crm.jobs.delivery import leave_in_mailbox
from crm.jobs.expiry import clear_expiry
from crm.jobs.handlers import BATCH_HANDLERS, HANDLERS, BatchHandler, Handler
from crm.jobs.pausing import held_jobs
from crm.jobs.timetable import DEPENDS_ON, JOBS, Job, JobName, Slot, Timing, timing_of_slot
from crm.jobs.write_yield import WriteYield
from crm.quotas.queries import working_calendar
from crm.transactions import transaction

log = structlog.get_logger()

AfterSlot = Callable[[Session, Slot], object]  # handles a slot's mails, in its transaction


def leave_to_workers(_db: Session, _slot: Slot) -> None:
    """Leave the mails to whoever delivers."""


def deliver_to_mailbox(db: Session, slot: Slot) -> None:
    """Deliver the mails at the slot's own moment by leaving them in the mailbox."""
    leave_in_mailbox(db, now=slot.due_at, made_at=slot.due_at)


def send_without_expiry(db: Session, slot: Slot) -> None:
    """Have the mails sent however late it is."""
    clear_expiry(db, made_at=slot.due_at)


def short_error(error: Exception) -> str:
    """An error's type and first line.

    Further lines of a database's error hold the row's values, which may name a restricted lead:
    they are in the log, never on a page (REGIME 2).
    """
    first, _, _ = str(error).partition("\n")
    return f"{type(error).__name__}: {first}"


class SlotOutcome(LabeledEnum):
    """The result of one attempt at a slot."""

    DONE = "done", "完成"
    SKIPPED = "skipped", "跳过"
    FAILED = "failed", "失败"
    TAKEN = "taken", "已由其他节点完成"
    BUSY = "busy", "数据库忙"
    PAUSED = "paused", "已暂停"
    UNFINISHED = "unfinished", "未完成"  # some batches are written; it goes on after them

    @property
    def halts(self) -> bool:
        """Whether the job's later slots must wait: the order within a job is kept."""
        return self in _HALTING


_HALTING = frozenset(SlotOutcome) - {SlotOutcome.DONE, SlotOutcome.SKIPPED, SlotOutcome.TAKEN}


@dataclass
class JobSummary:
    """How one job's slots ended in a run."""

    outcomes: Counter[SlotOutcome] = field(default_factory=Counter)
    made: Counter[str] = field(default_factory=Counter)

    @property
    def is_incomplete(self) -> bool:
        """Whether a slot that should have been done was not."""
        return bool(self._failed)

    @property
    def _failed(self) -> int:
        unfinished = (SlotOutcome.FAILED, SlotOutcome.BUSY, SlotOutcome.UNFINISHED)
        return sum(self.outcomes[outcome] for outcome in unfinished)

    def as_dict(self) -> dict[str, object]:
        """The summary as the commands print it."""
        counts = {
            name.value: self.outcomes[name] for name in (SlotOutcome.DONE, SlotOutcome.SKIPPED)
        }
        if self._failed:
            counts["failed"] = self._failed
        return {**counts, "made": dict(sorted(self.made.items()))}


@dataclass(frozen=True)
class Attempt:
    """One attempt at a slot; an open slot stops between two batches."""

    slot: Slot
    now: datetime
    after_slot: AfterSlot = leave_to_workers
    may_go_on: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class Runner:
    """The jobs with their handlers, the database and the site they run for."""

    sessions: sessionmaker[Session]
    site: Site
    jobs: Sequence[Job] = JOBS
    handlers: Mapping[str, Handler] = field(default_factory=lambda: HANDLERS)
    batch_handlers: Mapping[str, BatchHandler] = field(default_factory=lambda: BATCH_HANDLERS)
    when_claimed: AfterSlot = leave_to_workers  # called in the transaction that claims a slot
    is_alone: bool = False  # no other process writes meanwhile, so that a replay does not pause

    def run_due(
        self, now: Callable[[], datetime], *, may_go_on: Callable[[], bool] = lambda: True
    ) -> dict[str, JobSummary]:
        """Run all slots due by now; late ones only as far as they are still of use (REGIME 5)."""
        summaries = self._summaries()
        began = now()
        waiting = self._waiting(began)
        write_yield = WriteYield(self.sessions)

        for slot in self._due(began):
            name = slot.job.name
            # The order within a job is kept, so one failed slot blocks the later ones.
            if name in waiting or DEPENDS_ON.get(name) in waiting:
                continue
            if not may_go_on():
                break
            attempt = Attempt(slot, now(), may_go_on=may_go_on)
            if self._run(attempt, summaries[name]).halts:
                waiting.add(name)
            write_yield.pause_if_due()

        return summaries

    def run_until(self, until: datetime, *, to_mailbox: bool) -> dict[str, JobSummary]:
        """Replay all slots up to that moment, each as if on time.

        With `to_mailbox` the mails are delivered to the mailbox in the slot's own transaction, so
        that no worker sends them by SMTP; without it they are mailed, however late it is.
        """
        summaries = self._summaries()
        halted: set[str] = set()
        after_slot = deliver_to_mailbox if to_mailbox else send_without_expiry
        write_yield = WriteYield(self.sessions)

        for slot in self._due(until):
            name = slot.job.name
            if name in halted or DEPENDS_ON.get(name) in halted:
                continue
            attempt = Attempt(slot, slot.due_at, after_slot=after_slot)
            if self._run(attempt, summaries[name]).halts:
                halted.add(name)
            if not self.is_alone:
                write_yield.pause_if_due()

        return summaries

    def run_slot(self, slot: Slot, *, now: datetime) -> tuple[SlotOutcome, Mapping[str, int]]:
        """Run one slot at that moment; the outcome, and counts of what it made."""
        return self._try(Attempt(slot, now))

    def make_all(self, db: Session, slot: Slot, when: Timing) -> Mapping[str, int]:
        """Do the slot's work within that session, also what is else done in batches."""
        name = slot.job.name
        if name in self.handlers:
            return self.handlers[name](db, slot, when, self.site)
        made: Counter[str] = Counter()
        batches = self.batch_handlers[name](lambda: nullcontext(db), slot, when, self.site, "")
        for batch in batches:
            made.update(batch.write(db))
        return made

    def jobs_named(self, name: JobName) -> list[Job]:
        """The jobs of that name, one for each kind of period."""
        return [job for job in self.jobs if job.name == name]

    def _summaries(self) -> dict[str, JobSummary]:
        return {str(job.name): JobSummary() for job in self.jobs}

    def _due(self, until: datetime) -> list[Slot]:
        with self.sessions() as db:
            return ledger.due(db, self.jobs, working_calendar(db), until=until)

    def _waiting(self, now: datetime) -> set[str]:
        """The jobs whose failed slot must wait for its next attempt."""
        with self.sessions() as db:
            failed = ledger.failures(db, self.jobs)
            return {run.job for run in failed if now < ledger.next_attempt_at(run)}

    def _run(self, attempt: Attempt, summary: JobSummary) -> SlotOutcome:
        outcome, made = self._try(attempt)
        summary.outcomes[outcome] += 1
        summary.made.update(made)
        return outcome

    def _try(self, attempt: Attempt) -> tuple[SlotOutcome, Mapping[str, int]]:
        slot = attempt.slot
        slot_log = log.bind(job=str(slot.job.name), slot=slot.name)
        try:
            with coming_from(f"clock {slot.job.name}"):
                outcome, made = self._do(attempt)
        except Exception as error:  # noqa: BLE001 - a job's outer edge: keep it, and go on
            # a database that is away for a moment needs no trace
            is_ours = not isinstance(error, DBAPIError) or not fault_of(error).is_transient
            slot_log.error("slot.failed", error=short_error(error), exc_info=is_ours)
            return self._fail(slot, error, now=attempt.now), {}
        slot_log.info(f"slot.{outcome}", made=dict(made))
        return outcome, made

    def _do(self, attempt: Attempt) -> tuple[SlotOutcome, Mapping[str, int]]:
        """Do the slot in this transaction, or open it in this one and do it in batches."""
        slot = attempt.slot
        with transaction(self.sessions) as db:
            if slot.job.name in held_jobs(db):  # paused since this run began
                return SlotOutcome.PAUSED, {}

            # Claimed first: the unique key stops a second runner before it does any work.
            run = ledger.claim(db, slot, now=attempt.now)
            if run is None:
                return SlotOutcome.TAKEN, {}

            when = timing_of_slot(slot, working_calendar(db), now=attempt.now)
            if when is Timing.SKIPPED:
                ledger.finish(db, run, timing=when)
                return SlotOutcome.SKIPPED, {}

            self.when_claimed(db, slot)
            if slot.job.name in self.handlers:
                made = self.handlers[slot.job.name](db, slot, when, self.site)
                db.flush()  # the mails must be in the table before they are handled
                attempt.after_slot(db, slot)
                ledger.finish(db, run, timing=when, made=made)
                return SlotOutcome.DONE, made
            progress = ledger.open_slot(db, run)

        return self._do_batches(attempt, when, progress)

    def _do_batches(
        self, attempt: Attempt, when: Timing, progress: ledger.Progress
    ) -> tuple[SlotOutcome, Mapping[str, int]]:
        """Do the rest of an open slot, each batch in a transaction of its own."""
        slot, made = attempt.slot, Counter[str]()
        handler = self.batch_handlers[slot.job.name]

        for batch in handler(self.sessions, slot, when, self.site, progress.position):
            if not attempt.may_go_on():
                return SlotOutcome.UNFINISHED, made
            with transaction(self.sessions) as db:
                if slot.job.name in held_jobs(db):
                    return SlotOutcome.PAUSED, made
                counts = batch.write(db)
                further = progress.after(batch.position, counts)
                # Whoever records the position first goes on; the other's batch is rolled back.
                is_ours = ledger.advance(db, progress, further)
                if is_ours:
                    attempt.after_slot(db, slot)
                else:
                    db.rollback()
            if not is_ours:
                # from where the other runner came to, which may have been stopped there
                outcome, made_since = self._do(attempt)
                return outcome, made + Counter(made_since)
            progress = further
            made.update(counts)

        with transaction(self.sessions) as db:
            is_ours = ledger.close_slot(db, progress, timing=when)
        return SlotOutcome.DONE if is_ours else SlotOutcome.TAKEN, made

    def _fail(self, slot: Slot, error: Exception, *, now: datetime) -> SlotOutcome:
        """Record the error; raises where the database cannot be written, as no slot can be done."""
        try:
            with transaction(self.sessions) as db:
                useless = timing_of_slot(slot, working_calendar(db), now=now).is_past_use
                skipped = ledger.record_failure(
                    db, slot, short_error(error), now=now, useless=useless
                )
        except DBAPIError as unrecorded:
            if fault_of(unrecorded) is not Fault.BUSY:
                raise
            # locked by another runner: nothing was done, nothing is lost
            log.error("slot.busy", job=str(slot.job.name), slot=slot.name)  # noqa: TRY400 - no fault
            return SlotOutcome.BUSY

        return SlotOutcome.SKIPPED if skipped else SlotOutcome.FAILED
