"""A table whose rows are all kept by one request, as its preview told: rosters and records."""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from crm.base.audit_chain import entries_made
from crm.base.errors import Refused
from crm.base.locks import hold, take_exclusive_lock
from crm.base.mail import Site
from crm.imports import records, rosters
from crm.imports.made import note_made, record_list
from crm.imports.models import ImportRun
from crm.imports.rules import PEOPLE, RowState, RunState
from crm.imports.settings import Report, Settings
from crm.imports.tables import Upload
from crm.people.models import Person
from crm.people.rosters import keep_roster


def keep_whole(  # noqa: PLR0913 - a table and who keeps it
    db: Session,
    *,
    run: ImportRun,
    upload: Upload,
    only_usable: bool,
    by: Person,
    now: datetime,
    site: Site | None,
) -> None:
    """Keep what was previewed; refused as `import_preview_outdated` where it would be another.

    Refused as `import_moved_on` where it was kept already.
    `site`: for the mails of officers; without it they are not told.
    """
    before = entries_made(db)
    keep: Callable[[], object]
    if run.kind == PEOPLE:
        take_exclusive_lock(db)  # first: it gives out user names that are free
        roster = rosters.check(db, settings=Settings.read(run.settings), upload=upload, now=now)
        report = rosters.report_of(roster, upload)
        keep = partial(keep_roster, db, checked=roster, by=by, now=now)
    else:
        checked = records.check(db, run=run, upload=upload, by=by, now=now)
        report = records.report_of(checked, upload)
        keep = partial(records.keep, db, run=run, checked=checked, by=by, now=now, site=site)

    take_exclusive_lock(db)  # nobody waits for the check of records before
    hold(db, run)
    if run.state is not RunState.PREVIEW:  # sent twice at once
        raise Refused("import_moved_on")
    if run.report != report.packed:
        raise Refused("import_preview_outdated")
    keep()
    _note(db, run, report, before, now)
    run.only_usable = only_usable
    finish(db, run=run, by=by, now=now)


def _note(
    db: Session, run: ImportRun, report: Report, before: Collection[int], now: datetime
) -> None:
    db.flush()
    note_made(db, run, entries_made(db) - frozenset(before), now=now)
    run.position = run.total
    run.added, run.changed = report.count(RowState.NEW), report.count(RowState.CHANGED)
    run.unchanged, run.refused = report.count(RowState.SAME), report.count(RowState.REFUSED)


def finish(db: Session, *, run: ImportRun, by: Person | None, now: datetime) -> None:
    """Close an import whose rows are kept; its file goes, the refused rows stay to be fetched."""
    run.state, run.finished_at = RunState.DONE, now
    if not run.refused:
        run.content = None
    # the publication has an entry of what came hidden
    if entries := run.changed + (0 if run.published_at else run.added):
        record_list(db, run, entries, by=by, now=now)
