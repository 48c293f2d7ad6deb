"""Long tables of visits: stored hidden, a part at a time, then seen by one row's change.

What others see of a table beside its new visits follows the publication, a part at a time again:
corrections of frozen figures, last contacts of leads, and changes of visits known before.
What is stored of a table that is given up, or that failed too often, is removed: nobody saw it.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.orm import Session

from crm.imports.made import note_new_visits, record_list
from crm.imports.models import ImportLater, ImportMade, ImportRun
from crm.imports.queries import has_file
from crm.imports.rules import RunState
from crm.imports.settings import Settings
from crm.imports.visits import Part
from crm.people.models import Person
from crm.visits.batch_insert import (
    PreparedVisits,
    collect_effects,
    hidden_batch,
    insert_hidden,
)
from crm.visits.batch_undo import remove_hidden
from crm.visits.models import Visit, VisitBatch


def is_another_hidden(db: Session, run: ImportRun) -> bool:
    """Whether visits of another import are hidden: this one would not know them."""
    hidden = db.scalar(select(hidden_batch()))
    return hidden is not None and hidden != run.batch_id


def may_be_taken() -> ColumnElement[bool]:
    """The condition that no visits of another import are hidden from the import."""
    hidden = hidden_batch()
    is_beside = (ImportRun.state != RunState.IMPORTING) | ImportRun.published_at.is_not(None)
    return is_beside | hidden.is_(None) | (ImportRun.batch_id == hidden)


def begin_hidden(  # noqa: PLR0913 - a file, and how much is to come
    db: Session, *, kind: str, file_name: str, total: int, unchanged: int, now: datetime
) -> ImportRun:
    """Begin the import of a command's file, which keeps that to itself."""
    run = ImportRun(
        kind=kind,
        made_at=now,
        file_name=file_name,
        settings=Settings().text,
        state=RunState.IMPORTING,
        total=total,
        position=0,
        added=0,
        unchanged=unchanged,
    )
    db.add(run)
    _batch_of(db, run)
    return run


def stage(db: Session, *, run: ImportRun, part: Part, now: datetime) -> None:
    """Store what is new where nobody sees it yet, and note what is to be changed later.

    The caller has the exclusive lock, under which SQLite reads the ids of new rows.
    """
    if part.changed:
        places = [{"run_id": run.id, "place": run.position + place} for place in part.changed]
        db.execute(insert(ImportLater), places)

    store(db, run=run, visits=part.table.new, now=now)
    run.unchanged += part.table.same
    run.refused += part.refused
    run.position += part.rows - part.table.new.count


def store(db: Session, *, run: ImportRun, visits: PreparedVisits, now: datetime) -> None:
    """Store new visits where nobody sees them yet; the caller has the lock, as for `stage`."""
    if visits.count:
        made = insert_hidden(db, visits, batch_id=_batch_of(db, run), now=now)
        note_new_visits(db, run, made)
    run.added += visits.count
    run.position += visits.count


def _batch_of(db: Session, run: ImportRun) -> int:
    if run.batch_id is None:
        batch = VisitBatch(is_published=False)
        db.add(batch)
        db.flush()
        run.batch_id = batch.id
    return run.batch_id


def publish(db: Session, *, run: ImportRun, by: Person | None, now: datetime) -> None:
    """Let everybody see what is stored, from the commit on."""
    batch = VisitBatch.id == run.batch_id
    db.execute(update(VisitBatch).where(batch).values(is_published=True))
    run.published_at = now
    if run.added:
        # by this entry of no visit all that processes remember of visits is read anew
        record_list(db, run, run.added, by=by, now=now)


def settle_next(db: Session, *, run: ImportRun, now: datetime, most: int) -> bool:
    """Let figures and last contacts follow from the next visits; whether some may be left."""
    query = (
        select(ImportMade.id, ImportMade.subject_id)
        .where(ImportMade.run_id == run.id, ImportMade.id > run.settled)
        .where(ImportMade.subject == Visit.__tablename__, ImportMade.is_new)
        .order_by(ImportMade.id)
        .limit(most)
    )
    rows = db.execute(query).all()
    collect_effects(db, [visit_id for _, visit_id in rows], now=now)
    if rows:
        run.settled = rows[-1][0]
    return len(rows) == most


def later_places(db: Session, run: ImportRun, most: int) -> Sequence[int]:
    """The next rows of the table that change a visit known before."""
    places = select(ImportLater.place).where(ImportLater.run_id == run.id)
    return db.scalars(places.order_by(ImportLater.place).limit(most)).all()


def forget_later(db: Session, run: ImportRun, below: int | None = None) -> int:
    """Note that rows wait no longer, those before that place or all of them; how many."""
    waiting = [ImportLater.run_id == run.id]
    if below is not None:
        waiting.append(ImportLater.place < below)
    count = db.scalar(select(func.count()).select_from(ImportLater).where(*waiting)) or 0
    if count:
        db.execute(delete(ImportLater).where(*waiting))
    return count


def is_unseen(run: ImportRun) -> bool:
    """Whether what it has stored is being removed, as nobody has seen it."""
    return run.state is RunState.UNDOING and run.finished_at is None


def goes_on(run: ImportRun, until: datetime | None) -> None:
    """Note that it got further; the node that works on it has it until then."""
    run.leased_until, run.attempts, run.failure = until, 0, None


def begin_removal(db: Session, run: ImportRun, *, now: datetime) -> None:
    """Have all removed that is stored of an import and not published, by the clock."""
    run.state, run.attempts = RunState.UNDOING, 0
    forget_later(db, run)
    if run.batch_id is None:
        finish_removal(db, run, now=now)


def remove_next(
    db: Session, run: ImportRun, *, by: Person | None, now: datetime, most: int
) -> bool:
    """Remove so many of the visits that nobody sees; whether some may be left."""
    query = select(ImportMade).where(ImportMade.run_id == run.id).order_by(ImportMade.id.desc())
    rows = db.scalars(query.limit(most)).all()
    ids = [made.subject_id for made in rows]
    remove_hidden(db, ids, by=by, since=run.made_at, now=now)
    db.execute(delete(ImportMade).where(ImportMade.id.in_([made.id for made in rows])))
    run.undone += len(rows)
    return len(rows) == most


def finish_removal(db: Session, run: ImportRun, *, now: datetime) -> None:
    """Close the removal; an import whose file is still there may be confirmed again."""
    batch = VisitBatch.id == run.batch_id
    db.execute(update(VisitBatch).where(batch).values(is_published=True))  # it has no visits
    run.batch_id = run.leased_until = None
    run.position = run.added = run.unchanged = run.refused = run.undone = 0
    if has_file(db, run):
        run.state = RunState.PREVIEW
    else:
        run.state, run.undone_at = RunState.UNDONE, now
