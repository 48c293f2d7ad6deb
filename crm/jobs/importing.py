"""Imports of many rows: checked and kept in short transactions, and resumed where one broke off.

A node takes an import by a lease. What a batch keeps and how far the import has got are written
in one transaction, so that nothing is kept twice and others wait for one batch at most.
"""

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import case, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from crm.imports import service
from crm.imports.models import ImportRun
from crm.imports.rules import AT_WORK, BATCH, LEASE, LEASE_OF_CHECK, UNDO_BATCH, RunState
from crm.imports.tables import Upload, read_upload
from crm.imports.visits import check_rows
from crm.people.models import Person
from crm.transactions import transaction
from crm.visits.table_words import VOCABULARY

log = structlog.get_logger()


class Importer:
    """Works on the imports that wait, one batch after another."""

    def __init__(self, sessions: sessionmaker[Session], now: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._now = now

    def work(self, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Finish the imports that wait, the oldest first."""
        while may_go_on() and (run_id := self._take()):
            upload = self._read(run_id)
            while may_go_on() and self._step(run_id, upload):
                pass

    def _take(self) -> int | None:
        """The oldest import that no other node works on."""
        now = self._now()
        free = ImportRun.state.in_(AT_WORK) & or_(
            ImportRun.leased_until.is_(None), ImportRun.leased_until < now
        )
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
            run = db.get_one(ImportRun, run_id)
            return read_upload(run, VOCABULARY) if run.content else None

    def _step(self, run_id: int, upload: Upload | None) -> bool:
        """Do a batch; False once the import is done with."""
        with self._sessions() as db:
            run = db.get_one(ImportRun, run_id)
            may_go_on = service.may_go_on(db.get_one(Person, run.made_by_id), self._now())
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
            run = db.get_one(ImportRun, run_id)
            by = db.get_one(Person, run.made_by_id)
            service.check_again(db, run=run, by=by, now=now, upload=upload)
            report = run.report
            db.rollback()  # what was read held up nobody
        with transaction(self._sessions) as db:
            run = db.get_one(ImportRun, run_id)
            run.report, run.state, run.leased_until = report, RunState.PREVIEW, None
        return False

    def _keep(self, run_id: int, upload: Upload) -> bool:
        now = self._now()
        with self._sessions() as db:  # checked before the write lock is taken
            run = db.get_one(ImportRun, run_id)
            rows = upload.table.rows[run.position : run.position + BATCH]
            by = db.get_one(Person, run.made_by_id)
            checked = check_rows(db, run=run, upload=upload, rows=rows, by=by, now=now)

        with transaction(self._sessions) as db:
            run, by = db.get_one(ImportRun, run_id), db.get_one(Person, run.made_by_id)
            service.keep_rows(db, run=run, checked=checked, rows=rows, by=by, now=now)
            is_done = run.position >= len(upload.table.rows)
            run.leased_until = None if is_done else now + LEASE
            if is_done:
                service.finish(db, run=run, by=by, now=now)
                log.info("import.done", run=run_id, rows=run.position)
        return not is_done

    def _undo(self, run_id: int) -> bool:
        now = self._now()
        with transaction(self._sessions) as db:
            run = db.get_one(ImportRun, run_id)
            by = db.get_one(Person, run.made_by_id)
            is_done = service.undo_rows(db, run=run, by=by, now=now, most=UNDO_BATCH) < UNDO_BATCH
            run.leased_until = None if is_done else now + LEASE
            if is_done:
                service.finish_undo(db, run=run, by=by, now=now)
        return not is_done
