"""Imports of many rows: checked and kept in short transactions, and resumed where one broke off.

A node takes an import by a lease. What a batch keeps and how far the import has got are written
in one transaction, so that nothing is kept twice and others wait for one batch at most. Nobody
sees any of it before all of it is there (`crm/imports/staging.py`). An import that fails again and
again is given up where others wait for it, and else tried again after ever longer waits.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property

from sqlalchemy import ColumnElement, case, func, select, true, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from crm.base.db import is_conflict
from crm.base.db_faults import fault_of
from crm.base.garbage import no_garbage_collection
from crm.base.hidden_rows import seeing_hidden
from crm.base.locks import take_exclusive_lock
from crm.base.logs import structlog
from crm.base.memory import give_back
from crm.base.table_heads import TableRow
from crm.base.value_class import value_class
from crm.imports import service, staging
from crm.imports.keeping import finish
from crm.imports.models import ImportRun
from crm.imports.queries import made_by
from crm.imports.rules import (
    AT_WORK,
    BATCH,
    CHECK_HOLDS_FOR,
    CHECKED_AT_ONCE,
    FIRST_WAIT,
    LEASE,
    LEASE_OF_CHECK,
    MOST_ATTEMPTS,
    UNDO_BATCH,
    Failure,
    RunState,
)
from crm.imports.tables import Upload
from crm.imports.undoing import finish_undo, take_back_next
from crm.imports.visits import Checked, Part, check_rows
from crm.jobs.backoff import wait_after
from crm.jobs.part_size import PartSize
from crm.jobs.write_yield import WriteYield
from crm.people.models import Person
from crm.transactions import transaction

MOST_CONFLICTS = 5  # in a row, after which something else must be wrong

log = structlog.get_logger()


@value_class
class CheckedRows:
    """Rows of a table that were checked, from which short transactions take their parts."""

    checked: Checked
    rows: Sequence[TableRow]
    places: Sequence[int]  # of them in the table
    at: datetime

    def next_rows(self, place: int, most: int, now: datetime) -> Sequence[TableRow]:
        """The rows from that place on; none where they are others, or were checked long ago."""
        number = bisect_left(self.places, place)
        is_among = number < len(self.places) and self.places[number] == place
        if not is_among or now - self.at > CHECK_HOLDS_FOR:
            return ()
        return self.rows[number:][:most]


def _free(now: datetime) -> ColumnElement[bool]:
    """Imports that wait, and no node works on."""
    is_unleased = ImportRun.leased_until.is_(None) | (ImportRun.leased_until < now)
    return ImportRun.state.in_(AT_WORK) & is_unleased & staging.may_be_taken()


def rows_waiting(sessions: sessionmaker[Session], now: datetime) -> int:
    """The rows of the longest import that waits to be worked on."""
    with sessions() as db:
        return db.scalar(select(func.max(ImportRun.total)).where(_free(now))) or 0


class Importer:
    """Works on the imports that wait, one batch after another."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        now: Callable[[], datetime],
        write_yield: WriteYield | None = None,
    ) -> None:
        self._sessions = sessions
        self._write_yield = write_yield or WriteYield(sessions)
        self._now = now
        # of the import that is under way
        self._checked: CheckedRows | None = None
        self._undone_from: int | None = None
        self._conflicts = 0
        self._kept_at_once, self._settled_at_once = PartSize(BATCH), PartSize(BATCH)
        self._changed_at_once, self._undone_at_once = PartSize(UNDO_BATCH), PartSize(UNDO_BATCH)

    @cached_property
    def _staging(self) -> sessionmaker[Session]:
        """Sessions that see what is not published, too: a row may repeat one of an earlier part."""
        return seeing_hidden(self._sessions)

    def work(
        self, may_go_on: Callable[[], bool] = lambda: True, of: ColumnElement[bool] | None = None
    ) -> None:
        """Finish the imports that wait, or those of them, the oldest first."""
        while may_go_on() and (run_id := self._take(true() if of is None else of)):
            try:
                self.work_on(run_id, may_go_on)
                self._note_work(run_id)
            except Exception as error:  # noqa: BLE001 - the outer edge of one import: others go on
                self._note_failure(run_id, error)
            self._checked = None
            give_back()

    def work_on(self, run_id: int, may_go_on: Callable[[], bool]) -> None:
        """Finish an import that is leased by the caller."""
        self._conflicts, self._undone_from = 0, None
        upload = self._read(run_id)
        while may_go_on() and self._step(run_id, upload):
            pass

    def _note_work(self, run_id: int) -> None:
        with self._sessions() as db:  # what is committed
            if run := db.get(ImportRun, run_id):
                log.info("import.worked_on", run=run_id, state=run.state, rows=run.position)

    def _take(self, of: ColumnElement[bool]) -> int | None:
        """The oldest of these imports that no other node works on."""
        now = self._now()
        free = _free(now) & of
        with self._sessions() as db:
            run_id = db.scalar(select(ImportRun.id).where(free).order_by(ImportRun.id).limit(1))
        if run_id is None:
            return None
        is_check = ImportRun.state == RunState.CHECKING
        with transaction(self._sessions) as db:
            taken = db.execute(
                update(ImportRun)
                .where(ImportRun.id == run_id, free)
                .values(
                    leased_until=case((is_check, now + LEASE_OF_CHECK), else_=now + LEASE),
                    attempts=ImportRun.attempts + 1,
                )
                .execution_options(synchronize_session=False)
            )
            if not taken.rowcount:  # type: ignore[attr-defined] # of an update
                return None
            run = db.get_one(ImportRun, run_id)
            if run.attempts > 1 and run.failure is None:  # nobody was left to say why
                run.failure = Failure.STOPPED
            is_given_up = run.attempts > MOST_ATTEMPTS and service.give_up(db, run=run, now=now)
        if is_given_up:
            log.error("import.given_up", run=run_id)
        return run_id

    def _note_failure(self, run_id: int, error: Exception) -> None:
        """Try the import again later; what it was is in the log."""
        # a database that is away for a moment needs no trace
        is_database = isinstance(error, DBAPIError) and fault_of(error).is_transient
        log.error("import.failed", run=run_id, exc_info=None if is_database else error)
        with transaction(self._sessions) as db:
            run = db.get(ImportRun, run_id, with_for_update=True)
            if run and run.state.is_at_work:
                run.failure = Failure.DATABASE if is_database else Failure.FAULT
                run.attempts = max(run.attempts, 1)  # the first parts may have succeeded
                run.leased_until = self._now() + wait_after(run.attempts, first=FIRST_WAIT)

    def _read(self, run_id: int) -> Upload | None:
        with self._sessions() as db:
            run = db.get(ImportRun, run_id)
            if run is None or run.state is RunState.UNDOING or not run.content:
                return None
            return service.uploaded(run)

    @no_garbage_collection()  # a quarter of the time of a check, whose objects stay
    def _step(self, run_id: int, upload: Upload | None) -> bool:
        """Do a batch; False once the import is done with."""
        with self._sessions() as db:
            run = db.get(ImportRun, run_id)
            if run is None:  # it was discarded meanwhile
                return False
            may_go_on = service.may_go_on(run, made_by(db, run), self._now())
            if not service.has_table(db, run_id):
                upload = None
        if run.state is RunState.IMPORTING and run.published_at:
            # what follows from it does so whoever asked for it
            return self._settle(run_id, upload if may_go_on else None)
        is_unseen = staging.is_unseen(run)
        if is_unseen or (run.state is RunState.UNDOING and may_go_on):
            return self._remove(run_id) if is_unseen else self._undo(run_id)
        # a table goes with somebody's data that are erased from it
        if not may_go_on or not upload:
            return self._stop(run_id)
        if run.state is RunState.CHECKING:
            return self._check(run_id, upload)
        return run.state is RunState.IMPORTING and self._keep(run_id, upload)

    def _stop(self, run_id: int) -> bool:
        """Go no further for somebody who may keep no records any more."""
        now = self._now()
        with transaction(self._sessions) as db:
            run = db.get(ImportRun, run_id, with_for_update=True)
            if run is None:  # it was discarded meanwhile, with its table
                return False
            if by := made_by(db, run):
                service.stop(db, run=run, by=by, now=now)
            else:  # of a command that broke off nothing stays
                service.give_up(db, run=run, now=now)
            staging.goes_on(run, None)
        return False

    def _check(self, run_id: int, upload: Upload) -> bool:
        now = self._now()
        with self._sessions() as db:
            run = db.get(ImportRun, run_id)
            if run is None:
                return False
            by = db.get_one(Person, run.made_by_id)
            report = service.checked_report(db, run=run, upload=upload, by=by, now=now)
            settings = run.settings
        with transaction(self._sessions) as db:
            take_exclusive_lock(db)  # an erasure ends first
            held = db.get(ImportRun, run_id, with_for_update=True)
            if held:  # else it was discarded meanwhile
                staging.goes_on(held, None)
            # else its columns were chosen otherwise, and it waits for another check
            is_current = held and (held.state, held.settings) == (RunState.CHECKING, settings)
            if held and is_current and service.has_table(db, run_id):
                held.report, held.state = report, RunState.PREVIEW
        return False

    def _keep(self, run_id: int, upload: Upload) -> bool:
        now, total = self._now(), len(upload.table.rows)
        with self._staging() as db:  # checked and prepared before the write lock is taken
            run = db.get_one(ImportRun, run_id)
            is_kept_off = staging.is_another_hidden(db, run)
            position = run.position
            if not is_kept_off:
                places = range(position, min(position + CHECKED_AT_ONCE, total))
                most = self._kept_at_once.rows
                checked, rows = self._next_rows(db, run, upload, places, most, now)
                part = checked.part(db, rows, now=now)
        if is_kept_off:
            return self._leave(run_id)

        self._write_yield.note_gap(self._kept_at_once.ended)
        return self._unless_entered(lambda: not self._keep_part(run_id, position, part, total, now))

    def _leave(self, run_id: int) -> bool:
        """Leave it until the visits of another import are published."""
        with transaction(self._sessions) as db:
            staging.goes_on(db.get_one(ImportRun, run_id, with_for_update=True), None)
        return False

    def _unless_entered(self, keep: Callable[[], bool]) -> bool:
        """Keep checked rows; they are checked anew where somebody entered one of them meanwhile."""
        try:
            goes_on = keep()
        except IntegrityError as error:
            self._conflicts += 1
            if self._conflicts > MOST_CONFLICTS or not is_conflict(error):
                raise
            self._checked = None
            return True
        self._conflicts = 0
        return goes_on

    def _keep_part(self, run_id: int, position: int, part: Part, total: int, now: datetime) -> bool:
        """Keep the rows at the position; whether nothing is left for this node."""
        is_whole = position == 0 and part.rows >= total
        sessions = self._sessions if is_whole else self._staging
        with self._kept_at_once.transaction(sessions) as db:
            take_exclusive_lock(db)  # an erasure ends first
            run = db.get_one(ImportRun, run_id, with_for_update=True)
            if run.position != position:  # another node took it after a long pause of this one
                return True
            if run.state is not RunState.IMPORTING:  # it was given up meanwhile
                return False
            if not service.has_table(db, run_id):
                return False
            by = db.get_one(Person, run.made_by_id)
            if is_whole:
                service.keep_rows(db, run=run, part=part, by=by, now=now)
                run.position = part.rows
                self._finish(db, run, by, now)
                return True
            staging.stage(db, run=run, part=part, now=now)
            staging.goes_on(run, now + LEASE)
            if run.position >= total:
                staging.publish(db, run=run, by=by, now=now)
        return False

    def _next_rows(  # noqa: PLR0913, PLR0917 - rows of a run, and how many
        self,
        db: Session,
        run: ImportRun,
        upload: Upload,
        places: Sequence[int],
        most: int,
        now: datetime,
    ) -> tuple[Checked, Sequence[TableRow]]:
        """The first of these rows, for the next transaction, checked a short while ago."""
        known = self._checked
        if known and (rows := known.next_rows(places[0], most, now)):
            return known.checked, rows

        rows = [upload.table.rows[place] for place in places]
        by = db.get_one(Person, run.made_by_id)
        checked = check_rows(db, run=run, upload=upload, rows=rows, by=by, now=now)
        self._checked = CheckedRows(checked, rows, places, self._now())
        return checked, rows[:most]

    def _settle(self, run_id: int, upload: Upload | None) -> bool:
        """Let a part of what follows from the published visits follow."""
        now, most = self._now(), self._settled_at_once.rows
        with self._settled_at_once.transaction(self._sessions) as db:
            run = db.get_one(ImportRun, run_id, with_for_update=True)
            if run.state is not RunState.IMPORTING:  # another node took it meanwhile
                return False
            is_left = staging.settle_next(db, run=run, now=now, most=most)
            staging.goes_on(run, now + LEASE)
        return is_left or self._change(run_id, upload, now)

    def _change(self, run_id: int, upload: Upload | None, now: datetime) -> bool:
        """Change visits that were known before, as the table tells; without it they stay."""
        with self._sessions() as db:
            run = db.get_one(ImportRun, run_id)
            places = staging.later_places(db, run, CHECKED_AT_ONCE) if upload else ()
            if upload and places:
                most = self._changed_at_once.rows
                checked, rows = self._next_rows(db, run, upload, places, most, now)
                part = checked.part(db, rows, now=now)
        if places:
            return self._unless_entered(lambda: self._change_part(run_id, places, part, now))

        with transaction(self._sessions) as db:
            run = db.get_one(ImportRun, run_id, with_for_update=True)
            if run.state is RunState.IMPORTING:
                run.refused += staging.forget_later(db, run)
                self._finish(db, run, made_by(db, run), now)
        return False

    def _change_part(self, run_id: int, places: Sequence[int], part: Part, now: datetime) -> bool:
        with self._changed_at_once.transaction(self._sessions) as db:
            take_exclusive_lock(db)  # an erasure ends first
            run = db.get_one(ImportRun, run_id, with_for_update=True)
            if staging.later_places(db, run, 1) != places[:1]:  # another node took it meanwhile
                return False
            if not service.has_table(db, run_id):
                return True
            by = db.get_one(Person, run.made_by_id)
            service.keep_rows(db, run=run, part=part, by=by, now=now)
            staging.forget_later(db, run, below=places[part.rows - 1] + 1)
            staging.goes_on(run, now + LEASE)
        return True

    def _finish(self, db: Session, run: ImportRun, by: Person | None, now: datetime) -> None:
        staging.goes_on(run, None)
        finish(db, run=run, by=by, now=now)

    def _remove(self, run_id: int) -> bool:
        now, most = self._now(), self._kept_at_once.rows
        with self._kept_at_once.transaction(self._staging) as db:
            take_exclusive_lock(db)  # before the row, as where parts are kept
            run = db.get_one(ImportRun, run_id, with_for_update=True)
            if not staging.is_unseen(run):  # another node took it meanwhile
                return False
            # the clock by itself, where the file is kept for another try
            by = None if service.has_table(db, run_id) else made_by(db, run)
            is_left = staging.remove_next(db, run, by=by, now=now, most=most)
            run.leased_until, run.attempts = now + LEASE, 0  # why it failed is told at the end
            if not is_left:
                staging.finish_removal(db, run, now=now)
        return is_left

    def _undo(self, run_id: int) -> bool:
        now, most = self._now(), self._undone_at_once.rows
        with self._undone_at_once.transaction(self._sessions) as db:
            run = db.get_one(ImportRun, run_id, with_for_update=True)
            by = db.get_one(Person, run.made_by_id)
            ids = take_back_next(db, run, by=by, now=now, most=most, below=self._undone_from)
            is_done = len(ids) < most
            staging.goes_on(run, None if is_done else now + LEASE)
            if is_done:
                finish_undo(db, run=run, by=by, now=now)
        self._undone_from = min(ids, default=None)
        return not is_done
