"""Imports of many rows: checked and kept in short transactions, and resumed where one broke off.

A node takes an import by a lease. What a batch keeps and how far the import has got are written
in one transaction, so that nothing is kept twice and others wait for one batch at most.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from crm.base.db import is_conflict
from crm.base.logs import structlog
from crm.base.memory import give_back
from crm.base.table_heads import TableRow
from crm.base.value_class import value_class
from crm.imports import service
from crm.imports.keeping import finish
from crm.imports.models import ImportRun
from crm.imports.rules import (
    AT_WORK,
    BATCH,
    CHECK_HOLDS_FOR,
    CHECKED_AT_ONCE,
    LEASE,
    LEASE_OF_CHECK,
    UNDO_BATCH,
    RunState,
)
from crm.imports.tables import Upload
from crm.imports.undoing import finish_undo, take_back_next
from crm.imports.visits import Checked, Part, check_rows
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
    first: int  # their place in the table
    at: datetime

    def next_rows(self, position: int, most: int, now: datetime) -> Sequence[TableRow]:
        """The rows at the position; none where they are others, or were checked long ago."""
        if position < self.first or now - self.at > CHECK_HOLDS_FOR:
            return ()
        return self.rows[position - self.first :][:most]


def _free(now: datetime) -> ColumnElement[bool]:
    """Imports that wait, and no node works on."""
    is_unleased = ImportRun.leased_until.is_(None) | (ImportRun.leased_until < now)
    return ImportRun.state.in_(AT_WORK) & is_unleased


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
        self._kept_at_once, self._undone_at_once = PartSize(BATCH), PartSize(UNDO_BATCH)

    def work(self, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Finish the imports that wait, the oldest first."""
        while may_go_on() and (run_id := self._take()):
            upload, self._checked, self._undone_from = self._read(run_id), None, None
            while may_go_on() and self._step(run_id, upload):
                pass
            upload = self._checked = None
            give_back()

    def _take(self) -> int | None:
        """The oldest import that no other node works on."""
        now = self._now()
        free = _free(now)
        with self._sessions() as db:
            run_id = db.scalar(select(ImportRun.id).where(free).order_by(ImportRun.id).limit(1))
        if run_id is None:
            return None
        is_check = ImportRun.state == RunState.CHECKING
        with transaction(self._sessions) as db:
            taken = db.execute(
                update(ImportRun)
                .where(ImportRun.id == run_id, free)
                .values(leased_until=case((is_check, now + LEASE_OF_CHECK), else_=now + LEASE))
                .execution_options(synchronize_session=False)
            )
            return run_id if taken.rowcount else None  # type: ignore[attr-defined] # of an update

    def _read(self, run_id: int) -> Upload | None:
        with self._sessions() as db:
            run = db.get(ImportRun, run_id)
            if run is None or run.state is RunState.UNDOING or not run.content:
                return None
            return service.uploaded(run)

    def _step(self, run_id: int, upload: Upload | None) -> bool:
        """Do a batch; False once the import is done with."""
        with self._sessions() as db:
            run = db.get(ImportRun, run_id)
            if run is None:  # it was discarded meanwhile
                return False
            by = db.get_one(Person, run.made_by_id)
            may_go_on = service.may_go_on(run, by, self._now())
        if not may_go_on:
            return self._stop(run_id)
        match run.state:
            case RunState.CHECKING if upload:
                return self._check(run_id, upload)
            case RunState.IMPORTING if upload:
                return self._keep(run_id, upload)
            case RunState.UNDOING:
                return self._undo(run_id)
        return False

    def _stop(self, run_id: int) -> bool:
        """Go no further for somebody who may keep no records any more."""
        now = self._now()
        with transaction(self._sessions) as db:
            run = db.get_one(ImportRun, run_id)
            service.stop(db, run=run, by=db.get_one(Person, run.made_by_id), now=now)
            run.leased_until = None
        log.info("import.stopped", run=run_id)
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
            held = db.get(ImportRun, run_id, with_for_update=True)
            if held:  # else it was discarded meanwhile
                held.leased_until = None
            # else its columns were chosen otherwise, and it waits for another check
            if held and (held.state, held.settings) == (RunState.CHECKING, settings):
                held.report, held.state = report, RunState.PREVIEW
        return False

    def _keep(self, run_id: int, upload: Upload) -> bool:
        now = self._now()
        with self._sessions() as db:  # checked and prepared before the write lock is taken
            run = db.get_one(ImportRun, run_id)
            position = run.position
            checked, rows = self._next_rows(db, run, upload, now)
            part = checked.part(db, rows, now=now)

        self._write_yield.note_gap(self._kept_at_once.ended)
        try:
            is_done = self._keep_part(run_id, position, part, len(upload.table.rows), now)
        except IntegrityError as error:
            # somebody entered meanwhile what a checked row tells of: these rows are checked anew
            self._conflicts += 1
            if self._conflicts > MOST_CONFLICTS or not is_conflict(error):
                raise
            self._checked = None
            return True
        self._conflicts = 0
        return not is_done

    def _keep_part(self, run_id: int, position: int, part: Part, total: int, now: datetime) -> bool:
        """Keep the rows at the position; whether nothing is left for this node."""
        with self._kept_at_once.transaction(self._sessions) as db:
            run = db.get_one(ImportRun, run_id, with_for_update=True)
            if run.position != position:  # another node took it after a long pause of this one
                return True
            by = db.get_one(Person, run.made_by_id)
            service.keep_rows(db, run=run, part=part, by=by, now=now)
            is_done = run.position >= total
            run.leased_until = None if is_done else now + LEASE
            if is_done:
                finish(db, run=run, by=by, now=now)
                log.info("import.done", run=run_id, rows=run.position)
        return is_done

    def _next_rows(
        self, db: Session, run: ImportRun, upload: Upload, now: datetime
    ) -> tuple[Checked, Sequence[TableRow]]:
        """The rows of the next transaction, checked a short while ago."""
        most = self._kept_at_once.rows
        known = self._checked
        if known and (rows := known.next_rows(run.position, most, now)):
            return known.checked, rows

        rows = upload.table.rows[run.position : run.position + CHECKED_AT_ONCE]
        by = db.get_one(Person, run.made_by_id)
        checked = check_rows(db, run=run, upload=upload, rows=rows, by=by, now=now)
        self._checked = CheckedRows(checked, rows, run.position, self._now())
        return checked, rows[:most]

    def _undo(self, run_id: int) -> bool:
        now, most = self._now(), self._undone_at_once.rows
        with self._undone_at_once.transaction(self._sessions) as db:
            run = db.get_one(ImportRun, run_id, with_for_update=True)
            by = db.get_one(Person, run.made_by_id)
            ids = take_back_next(db, run, by=by, now=now, most=most, below=self._undone_from)
            is_done = len(ids) < most
            run.leased_until = None if is_done else now + LEASE
            if is_done:
                finish_undo(db, run=run, by=by, now=now)
        self._undone_from = min(ids, default=None)
        return not is_done
