"""A table is uploaded, looked at, kept, and taken back (ENTRY 6)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from crm.base.audit_chain import Subject, entries_made
from crm.base.audit_entries import AuditEntry
from crm.base.clock import civil_date
from crm.base.db import batches
from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.sheets import ImportResult
from crm.imports.keeping import finish, keep_whole
from crm.imports.made import note_made
from crm.imports.models import ImportFile, ImportName, ImportRun
from crm.imports.rules import (
    MOST_AT_ONCE,
    NOT_KEPT,
    VISITS,
    RowState,
    RunState,
    may_open,
)
from crm.imports.settings import Report, Settings
from crm.imports.staging import begin_removal, forget_later, is_another_hidden, publish
from crm.imports.table_kinds import TABLE_KINDS, TableKind
from crm.imports.tables import Upload, pack, pack_table, read_upload, upload_of
from crm.imports.templates import names_of_unit, remember, remember_settings, template_of
from crm.imports.undoing import finish_undo
from crm.imports.visits import Part, check_rows
from crm.people.models import Person
from crm.people.queries import primary_posting
from crm.visits.table_imports import keep_part


class RowsRefusedError(Refused):
    """Some rows cannot be kept, and all were to be."""

    def __init__(self, count: int) -> None:
        super().__init__("import_rows_refused", count=count)


def begin(  # noqa: PLR0913 - a file and who imports it
    db: Session,
    *,
    content: bytes,
    file_name: str,
    by: Person,
    now: datetime,
    kind: str = VISITS,
) -> ImportRun:
    """Keep an upload; what its unit chose for such tables before holds without being asked again.

    Raises `SheetRefused`; refused as `not_yours`, and as `upload_of` says.
    """
    from crm.base.open_files import open_file  # noqa: PLC0415 - see there

    _require_right(kind, by)
    file = open_file(content)
    posting = primary_posting(db, by.id, civil_date(now))
    run = ImportRun(
        kind=kind,
        made_by_id=by.id,
        made_at=now,
        unit_id=posting.unit_id if posting else None,
        file_name=file_name,
        content=pack(content),
        settings=Settings().text,
        state=RunState.SHEET,
    )
    if len(file.filled) <= 1:
        upload = upload_of(file.grid(file.likely), _kind(run).vocabulary, None)
        _set_sheet(db, run, upload, file.likely, by, now)
    db.add(run)  # last: writing takes SQLite's lock
    db.flush()
    return run


def choose_sheet(db: Session, *, run: ImportRun, sheet: str, by: Person, now: datetime) -> None:
    """Set which sheet is read; refused as `begin` is."""
    run.settings = replace(Settings.read(run.settings), sheet=sheet, codes=None).text
    with db.no_autoflush:
        _set_sheet(db, run, uploaded(run), sheet, by, now)


def _set_sheet(  # noqa: PLR0913, PLR0917 - a sheet and who chose it
    db: Session, run: ImportRun, upload: Upload, sheet: str, by: Person, now: datetime
) -> None:
    if len(upload.table.rows) > (most := _kind(run).most_rows):
        raise Refused("too_many_rows", most=most)
    run.content = pack_table(upload)
    template = template_of(db, run, upload)
    if template is None:
        run.settings = replace(Settings.read(run.settings), sheet=sheet).text
        run.total, run.state = len(upload.table.rows), RunState.COLUMNS
        return
    kept = replace(Settings.read(template.settings), sheet=sheet)
    run.settings, run.total = (
        replace(kept, people=names_of_unit(db, run)).text,
        len(upload.table.rows),
    )
    _check(db, run, replace(upload, codes=kept.codes or upload.codes), by, now)
    template.used_at = now


def choose_columns(  # noqa: PLR0913 - what is chosen of a table, whole
    db: Session,
    *,
    run: ImportRun,
    codes: Sequence[str],
    usual: Mapping[str, Any],
    by: Person,
    now: datetime,
) -> None:
    """Set which column is which, remember it for the unit, and check the rows.

    `usual`: what holds where the table is silent, by the field of `Settings`.
    Refused as `column_twice`, `column_missing`.
    """
    if run.state not in NOT_KEPT:
        return
    upload = uploaded(run)
    _kind(run).require_columns(codes)
    settings = Settings.read(run.settings)
    settings = replace(settings, codes=list(codes), people=names_of_unit(db, run), **usual)
    run.settings = settings.text
    _check(db, run, replace(upload, codes=list(codes)), by, now)
    remember_settings(db, run, upload, settings, now)


def answer(
    db: Session,
    *,
    run: ImportRun,
    answers: Mapping[str, Mapping[str, str]],
    by: Person,
    now: datetime,
) -> None:
    """Set what a roster was asked or is changed in it, by kind of question; check it again."""
    if run.state not in NOT_KEPT:
        return
    settings, upload = Settings.read(run.settings).answered(answers), uploaded(run)
    run.settings = settings.text
    _check(db, run, upload, by, now)
    remember_settings(db, run, upload, settings, now)


def choose_people(
    db: Session, *, run: ImportRun, chosen: Mapping[str, str], by: Person, now: datetime
) -> None:
    """Set whom names mean, remember it for the unit, and check the rows again."""
    if run.state not in NOT_KEPT:
        return
    ids = dict(
        db.execute(
            select(Person.username, Person.id).where(Person.username.in_(chosen.values()))
        ).all()
    )
    settings = Settings.read(run.settings)
    run.settings = replace(settings, people={**settings.people, **chosen}).text
    _check(db, run, uploaded(run), by, now)
    for name, username in chosen.items():
        remember(db, run, ImportName, {"name": name}, {"person_id": ids.get(username)})


def checked_report(
    db: Session, *, run: ImportRun, upload: Upload, by: Person, now: datetime
) -> bytes:
    """The report of all rows as the records stand now, as it is kept with the import."""
    with db.no_autoflush:  # nobody waits for the check: what is written takes SQLite's lock
        return _kind(run).preview(db, run, upload, by, now).packed


def check_refused(db: Session, *, run: ImportRun, by: Person, now: datetime) -> None:
    """Check rows again that could not be kept; of many the preview tells that already."""
    if run.state is RunState.PREVIEW and run.total <= MOST_AT_ONCE:
        _preview(db, run, uploaded(run), by, now)


def change_columns(db: Session, *, run: ImportRun) -> None:
    """Go back to the columns; refused as `import_moved_on` once it is being kept."""
    _require_state(db, run, NOT_KEPT)
    if run.state is RunState.PREVIEW:
        run.state, run.failure = RunState.COLUMNS, None


def apply(  # noqa: PLR0913 - what is kept, and how
    db: Session,
    *,
    run: ImportRun,
    only_usable: bool,
    by: Person,
    now: datetime,
    site: Site | None = None,
) -> None:
    """Keep the rows, or leave that to the clock where they are many.

    Refused as `import_rows_refused` where some cannot be kept and all were to be, and as
    `import_moved_on` where that was asked for already, and as `keep_whole` is; `site` as there.
    """
    if run.state not in NOT_KEPT:
        raise Refused("import_moved_on")
    if run.state is not RunState.PREVIEW or run.report is None:
        return
    refused = Report.unpacked(run.report).count(RowState.REFUSED)
    if refused and not only_usable:
        raise RowsRefusedError(refused)
    if run.kind != VISITS:
        _require_right(run.kind, by)
        keep_whole(
            db,
            run=run,
            upload=uploaded(run),
            only_usable=only_usable,
            by=by,
            now=now,
            site=site,
        )
        return
    # beside a table whose rows are hidden it would keep again what that has, too
    if run.total > MOST_AT_ONCE or is_another_hidden(db, run):
        _require_state(db, run, {RunState.PREVIEW})
        run.only_usable, run.position, run.state = only_usable, 0, RunState.IMPORTING
        run.attempts, run.failure = 0, None
        return

    upload = uploaded(run)
    checked = check_rows(db, run=run, upload=upload, rows=upload.table.rows, by=by, now=now)
    if checked.problems and not only_usable:  # others have changed something meanwhile
        raise RowsRefusedError(len(checked.problems))
    part = checked.part(db, upload.table.rows, now=now)
    _require_state(db, run, {RunState.PREVIEW})
    run.only_usable = only_usable
    keep_rows(db, run=run, part=part, by=by, now=now)
    run.position = part.rows
    finish(db, run=run, by=by, now=now)


def is_outdated_by(db: Session, changed: Collection[Subject]) -> bool:
    """Whether one of these changes is of a record that this transaction changed, too.

    What others add meanwhile is left to the constraints of the tables, as in a long import.
    """
    own: set[Subject] = set()
    for part in batches(sorted(entries_made(db))):
        subjects = select(AuditEntry.subject, AuditEntry.subject_id)
        own |= {(table, key) for table, key in db.execute(subjects.where(AuditEntry.id.in_(part)))}
    return not own.isdisjoint(changed)


def may_go_on(run: ImportRun, by: Person | None, now: datetime) -> bool:
    """Whether whoever asked for the import may still keep such records, or take them back."""
    return by is not None and may_open(run.kind, by.role) and not by.is_disabled(now)


def keep_rows(db: Session, *, run: ImportRun, part: Part, by: Person, now: datetime) -> None:
    """Keep what was checked, and note what it made."""
    before = entries_made(db)
    was = keep_part(db, part=part.table, by=by, now=now)
    note_made(db, run, entries_made(db) - before, was=was, now=now)

    run.added += part.table.new.count
    run.changed += len(part.table.changed)
    run.unchanged += part.table.same
    run.refused += part.refused


def stop(db: Session, *, run: ImportRun, by: Person, now: datetime) -> None:
    """Close an import half way: what is kept or taken back stays so, the rest is left."""
    match run.state:
        case RunState.CHECKING:
            run.state = RunState.COLUMNS
        case RunState.IMPORTING:
            run.refused += run.total - run.position + forget_later(db, run)
            run.position = run.total
            if run.batch_id is None:
                finish(db, run=run, by=by, now=now)
            else:  # what follows from these visits is left to be done
                publish(db, run=run, by=by, now=now)
        case RunState.UNDOING:
            finish_undo(db, run=run, by=by, now=now)


def give_up(db: Session, *, run: ImportRun, now: datetime) -> bool:
    """Try no more what failed too often, so that nobody waits for it; its person may again.

    False for what is seen already, or is taken back: nothing waits for it.
    """
    if run.state is RunState.CHECKING:
        run.state, run.attempts, run.leased_until = RunState.COLUMNS, 0, None
    elif run.state is RunState.IMPORTING and run.published_at is None:
        begin_removal(db, run, now=now)
    else:
        return False
    return True


def note_file(  # noqa: PLR0913 - a file that was kept, whole
    db: Session,
    *,
    kind: str,
    file_name: str,
    result: ImportResult,
    before: Collection[int],
    by: Person,
    now: datetime,
) -> ImportRun | None:
    """Note a file whose rows were kept in this transaction, so that it can be taken back.

    `before`: the entries that the transaction had made by then. None where the file changed
    nothing.
    """
    if not (result.added or result.updated):
        return None
    run = ImportRun(
        kind=kind,
        made_by_id=by.id,
        made_at=now,
        file_name=file_name,
        settings=Settings().text,
        state=RunState.DONE,
        finished_at=now,
        total=result.rows,
        position=result.rows,
        added=result.added,
        changed=result.updated,
        unchanged=result.unchanged,
        refused=result.left_out,
    )
    db.add(run)
    db.flush()
    note_made(db, run, entries_made(db) - frozenset(before), now=now)
    finish(db, run=run, by=by, now=now)
    return run


def discard(db: Session, *, run: ImportRun) -> None:
    """Forget an import that was not kept."""
    if _held_state(db, run) in NOT_KEPT:
        db.execute(delete(ImportFile).where(ImportFile.run_id == run.id))
        db.execute(delete(ImportRun).where(ImportRun.id == run.id))


def _check(db: Session, run: ImportRun, upload: Upload, by: Person, now: datetime) -> None:
    run.state, run.report = RunState.CHECKING, None
    run.attempts, run.failure = 0, None
    if len(upload.table.rows) > MOST_AT_ONCE:
        _require_state(db, run, NOT_KEPT)
        return
    _preview(db, run, upload, by, now)


def _preview(db: Session, run: ImportRun, upload: Upload, by: Person, now: datetime) -> None:
    report = checked_report(db, run=run, upload=upload, by=by, now=now)
    _require_state(db, run, NOT_KEPT)
    run.report, run.state = report, RunState.PREVIEW


def _require_state(db: Session, run: ImportRun, states: Collection[RunState]) -> None:
    """Refuse as `import_moved_on` where a request at the same time was sooner."""
    is_stored = run.id is not None
    if is_stored and _held_state(db, run) not in states:
        raise Refused("import_moved_on")


def _held_state(db: Session, run: ImportRun) -> RunState | None:
    """Where it stands, held until the transaction ends; None once it was discarded.

    Asked for once all else is read, as this takes SQLite's lock.
    """
    with db.no_autoflush:
        query = select(ImportRun.state).where(ImportRun.id == run.id)
        return db.scalar(query.with_for_update())


def _kind(run: ImportRun) -> TableKind:
    return TABLE_KINDS[run.kind]


def _require_right(kind: str, by: Person) -> None:
    if by.role not in TABLE_KINDS[kind].roles:
        raise Refused("not_yours")


def has_table(db: Session, run_id: int) -> bool:
    """Whether its table is still there: it goes with somebody's data that are erased from it."""
    kept = select(ImportFile.run_id).where(
        ImportFile.run_id == run_id, ImportFile.content.is_not(None)
    )
    return db.scalar(kept) is not None


def uploaded(run: ImportRun) -> Upload:
    """The table of the import as it was chosen; refused as `read_upload` says."""
    return read_upload(run, _kind(run).vocabulary)
