"""Files of visits that a command imports: stored hidden in short transactions, then seen at once.

Nobody else has the file: where the command breaks off, the clock or the next such command removes
what it stored, once its lease is over.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property

from sqlalchemy.orm import Session, sessionmaker

from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.imports import service, staging
from crm.imports.models import ImportRun
from crm.imports.rules import BATCH, LEASE, VISITS, RunState
from crm.jobs.importing import Importer
from crm.jobs.part_size import PartSize
from crm.jobs.write_yield import WriteYield
from crm.transactions import transaction
from crm.visits import batch_insert
from crm.visits.batch_insert import PreparedVisits
from crm.visits.imports import CheckedFile, keep_visits


class FileImport:
    """The import of one checked file, all of it or nothing."""

    def __init__(
        self, sessions: sessionmaker[Session], file: CheckedFile, now: Callable[[], datetime]
    ) -> None:
        self._sessions, self._file, self._now = sessions, file, now
        self._at = now()
        self._at_once, self._write_yield = PartSize(BATCH), WriteYield(sessions)

    @cached_property
    def _importer(self) -> Importer:
        return Importer(self._sessions, self._now, self._write_yield)

    def rehearse(self) -> None:
        """Store all and keep nothing, a part at a time; refused as `visits_unpublished`."""
        for part in self._parts():
            with self._at_once.transaction(self._sessions) as db:
                batch_insert.require_none_hidden(db)
                batch_insert.insert_prepared(db, part, now=self._at)
                db.rollback()

    def keep(self, name: str) -> None:
        """Keep all; refused as `visits_unpublished` beside another import that is not seen yet."""
        self._importer.work(self._goes_on, of=ImportRun.made_by_id.is_(None))
        if self._file.new.count <= BATCH:
            with transaction(self._sessions) as db:
                keep_visits(db, file=self._file, now=self._at)
            return

        run_id = self._begin(name)
        try:
            for part in self._parts():
                self._store(run_id, part)
        finally:  # also where somebody interrupts it
            with transaction(self._sessions) as db:
                run = db.get_one(ImportRun, run_id, with_for_update=True)
                service.give_up(db, run=run, now=self._now())  # unless it is published
            self._importer.work_on(run_id, self._goes_on)

    def _begin(self, name: str) -> int:
        now = self._now()
        with transaction(self._sessions) as db:
            batch_insert.require_none_hidden(db)
            total, unchanged = self._file.new.count, self._file.result.unchanged
            run = staging.begin_hidden(
                db, kind=VISITS, file_name=name, total=total, unchanged=unchanged, now=now
            )
            staging.goes_on(run, now + LEASE)
            return run.id

    def _parts(self) -> Iterator[PreparedVisits]:
        """All visits, as many at a time as a transaction takes."""
        visits, first = self._file.new, 0
        while first < visits.count:
            end = min(first + self._at_once.rows, visits.count)
            yield visits.part(first, end)
            first = end

    def _store(self, run_id: int, part: PreparedVisits) -> None:
        self._goes_on()
        with self._at_once.transaction(self._sessions) as db:
            take_exclusive_lock(db)  # before the row, as where parts of tables are kept
            run = db.get_one(ImportRun, run_id, with_for_update=True)
            if run.state is not RunState.IMPORTING:  # removed meanwhile, after a long pause of ours
                raise Refused("import_moved_on")
            staging.store(db, run=run, visits=part, now=self._at)
            staging.goes_on(run, self._now() + LEASE)
            if run.position >= run.total:
                staging.publish(db, run=run, by=None, now=self._at)

    def _goes_on(self) -> bool:
        self._write_yield.pause_if_due()
        return True
