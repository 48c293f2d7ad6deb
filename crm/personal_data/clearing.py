"""What is over its period and goes by itself, in batches that may break off anywhere (PIPL 19).

The trail and the figures are never among it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from crm.base.answered_requests import forget_old
from crm.base.audit import record
from crm.base.batches import Batch, Reading
from crm.base.mail import Site
from crm.base.outbox import Message, State
from crm.base.value_class import value_class
from crm.imports.models import ImportFile, ImportMade, ImportRun
from crm.imports.rules import AT_WORK
from crm.people.models import LoginSession
from crm.people.sessions import LONGEST
from crm.personal_data.notifications import tell_of_expiring
from crm.personal_data.retention import Periods, period_row, retention_periods
from crm.personal_data.retention_rules import CLEARED, Kept, over_before

ROWS = 500  # of one transaction: others wait for some ten milliseconds
DELIVERED = (State.SENT, State.SKIPPED)  # what failed or is held may still be sent by hand


@value_class
class _Clearing:
    """The rows of a kind that are over, and what happens to them."""

    table: type[Any]
    over: Callable[[datetime], ColumnElement[bool]]
    clear: Callable[[Session, Sequence[int]], None]


def _sessions(before: datetime) -> ColumnElement[bool]:
    # one that nobody ended is over at the latest so long after it began
    forgotten = and_(LoginSession.ended_at.is_(None), LoginSession.begun_at < before - LONGEST)
    return or_(LoginSession.ended_at < before, forgotten)


def _mails(before: datetime) -> ColumnElement[bool]:
    delivered_at = func.coalesce(Message.sent_at, Message.made_at)
    return and_(Message.state.in_(DELIVERED), delivered_at < before, Message.body_text != "")


def _imports(before: datetime) -> ColumnElement[bool]:
    is_kept = or_(ImportFile.content.is_not(None), ImportFile.report.is_not(None))
    kept = is_kept & (ImportFile.run_id == ImportRun.id)
    undo = ImportMade.before.is_not(None) & (ImportMade.run_id == ImportRun.id)
    has_data = or_(
        select(ImportFile.run_id).where(kept).correlate(ImportRun).exists(),
        select(ImportMade.id).where(undo).correlate(ImportRun).exists(),
    )
    return and_(ImportRun.made_at < before, ImportRun.state.not_in(AT_WORK), has_data)


def _end_sessions(db: Session, ids: Sequence[int]) -> None:
    db.execute(delete(LoginSession).where(LoginSession.id.in_(ids)))


def _empty_mails(db: Session, ids: Sequence[int]) -> None:
    """The row stays: its key keeps the mail from being made a second time."""
    db.execute(update(Message).where(Message.id.in_(ids)).values(body_text="", body_html=""))


def _drop_imports(db: Session, ids: Sequence[int]) -> None:
    files = update(ImportFile).where(ImportFile.run_id.in_(ids))
    db.execute(files.values(content=None, report=None))
    db.execute(update(ImportMade).where(ImportMade.run_id.in_(ids)).values(before=None))


_CLEARING: Mapping[Kept, _Clearing] = {
    Kept.SESSIONS: _Clearing(LoginSession, _sessions, _end_sessions),
    Kept.MAILS: _Clearing(Message, _mails, _empty_mails),
    Kept.IMPORTS: _Clearing(ImportRun, _imports, _drop_imports),
}


def cleared_counts(db: Session, periods: Periods, now: datetime) -> dict[Kept, int]:
    """How many rows of each kind would go at that moment."""
    counts = dict.fromkeys(CLEARED, 0)
    for kind, clearing in _CLEARING.items():
        if months := periods[kind]:
            over = clearing.over(over_before(now, months))
            query = select(func.count()).select_from(clearing.table).where(over)
            counts[kind] = db.scalar(query) or 0
    return counts


def clearing_batches(
    reading: Reading, at: datetime, site: Site, *, after: str = ""
) -> Iterator[Batch]:
    """What is over at that moment, and at last the contacts that wait for a decision.

    The position of a batch is its kind and its last row.
    """
    with reading() as db:
        periods = retention_periods(db)
    if not after:
        after = f"{CLEARED[0]}:0"
        yield Batch(partial(_forget_answers, at=at), after)
    reached, _, last = after.partition(":")
    if reached == Kept.CONTACTS:
        return

    for kind in CLEARED[CLEARED.index(Kept(reached)) :]:
        last_id = int(last) if kind == reached else 0
        months = periods[kind]
        while months and (ids := _next(reading, kind, over_before(at, months), last_id)):
            last_id = ids[-1]
            yield Batch(partial(_clear, kind=kind, ids=ids, at=at), f"{kind}:{last_id}")
    yield Batch(partial(tell_of_expiring, at=at, site=site), f"{Kept.CONTACTS}:0")


def _next(reading: Reading, kind: Kept, before: datetime, last_id: int) -> Sequence[int]:
    clearing = _CLEARING[kind]
    row_id = clearing.table.id
    query = select(row_id).where(clearing.over(before), row_id > last_id).order_by(row_id)
    with reading() as db:
        return db.scalars(query.limit(ROWS)).all()


def _clear(db: Session, *, kind: Kept, ids: Sequence[int], at: datetime) -> Mapping[str, int]:
    _CLEARING[kind].clear(db, ids)
    record(db, "retention.cleared", period_row(db, kind), by=None, at=at, after={"rows": len(ids)})
    return {f"cleared_{kind}": len(ids)}


def _forget_answers(db: Session, *, at: datetime) -> Mapping[str, int]:
    forget_old(db, at)
    return {}
