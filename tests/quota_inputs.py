"""Finds changes of what quotas rest on of which the application collected no edit.

Like `tests.trail` it looks at pages, commands and the clock, and leaves alone what tests arrange.
"""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Result, event, inspect
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction

from crm.base.audit import _source
from crm.base.audit_entries import AuditEntry
from crm.base.pending import take
from crm.people.models import Absence, Posting
from crm.people.quota_inputs import QuotaInputChanged
from crm.people.rules import AbsenceStatus
from crm.quotas import corrections
from crm.quotas.models import WorkdayOverride
from crm.visits.models import Visit, VisitParticipant
from tests.trail import SESSION, done

CHANGED, EDITS = "changed quota inputs", "collected edits"
MISSED: list[str] = []
PERSON = {Visit: "leader_id", Posting: "person_id", Absence: "person_id"}
DATES = {
    Visit: ("first_on", "last_on"),
    Posting: ("from_on", "to_on"),
    Absence: ("from_on", "to_on"),
}
OTHERS = {
    Visit: (
        *("kind", "channel", "status", "starts_at", "ends_at", "entered_at", "logged_at"),
        *("verdict", "verdict_at", "late_by_days"),
    ),
    Posting: ("unit_id", "duty", "is_primary"),
    Absence: ("status",),
}
Place = tuple[str, int | None, date]  # the table, whose figure, on which date


def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail the test in which such a change went unnoticed."""
    MISSED.clear()
    monkeypatch.setattr(corrections, "take", _take)
    yield
    assert MISSED == []


def _take(db: Session, kind: type[QuotaInputChanged]) -> list[QuotaInputChanged]:
    edits = take(db, kind)
    db.info.setdefault(EDITS, []).extend(edits)
    return edits


@event.listens_for(Session, "after_flush")
def _see_rows(db: Session, _context: UOWTransaction) -> None:
    if _source.get() is None:
        return
    places = db.info.setdefault(CHANGED, set())
    for row in [*db.new, *db.dirty, *db.deleted]:
        if isinstance(row, AuditEntry) and row.subject == WorkdayOverride.__tablename__:
            after = json.loads(row.after or "{}")
            dates = map(date.fromisoformat, after["workdays"] + after["rest_days"])
            places |= {(row.subject, None, on) for on in dates}
        elif type(row) in PERSON and _counts(row):
            places |= set(_places(row, is_whole=row not in db.dirty))


@event.listens_for(Session, "do_orm_execute")
def _see_statements(state: ORMExecuteState) -> Result | None:
    if _source.get() is None or not (state.is_insert or state.is_update or state.is_delete):
        return None
    result, changes_rows = done(state)
    statement: Any = state.statement
    if changes_rows and statement.table in (Visit.__table__, VisitParticipant.__table__):
        state.session.info.setdefault(CHANGED, set()).add((statement.table.name, None, None))
    return result


@event.listens_for(Engine, "before_cursor_execute")
def _see_bulk_inserts(connection: Connection, _cursor: Any, statement: str, *_others: Any) -> None:
    """See the visits that `crm.base.bulk` inserts past the session.

    Hidden ones change nothing: what follows from them does so after their publication.
    """
    is_insert = statement.startswith("INSERT INTO visit ") and "batch_id" not in statement
    if _source.get() is not None and is_insert:
        places = connection.info[SESSION].info.setdefault(CHANGED, set())
        places.add((Visit.__tablename__, None, None))


@event.listens_for(Session, "after_commit")
def _judge(db: Session) -> None:
    if db.in_nested_transaction():
        return
    edits = db.info.pop(EDITS, [])
    MISSED.extend(
        f"{_source.get()}: {place}"
        for place in db.info.pop(CHANGED, set())
        if not any(_covers(edit, *place) for edit in edits)
    )


@event.listens_for(Session, "after_rollback")
def _forget(db: Session) -> None:
    db.info.pop(EDITS, None)
    db.info.pop(CHANGED, None)


def _covers(edit: QuotaInputChanged, _table: str, person_id: int | None, on: date | None) -> bool:
    if on is None:  # a statement, whose rows nobody loaded
        return edit.visit_ref is not None
    if person_id is None:
        return edit.person_ids is None and edit.first_on <= on <= edit.last_on
    return edit.concerns(person_id, on, on)


def _counts(row: Any) -> bool:
    """Only approved absences reduce a quota."""
    return not isinstance(row, Absence) or AbsenceStatus.APPROVED in _values(row, "status")


def _places(row: Any, *, is_whole: bool) -> Iterator[Place]:
    """Whose figures the change concerns, and the dates between which it does."""
    table, person, bounds = type(row), PERSON[type(row)], DATES[type(row)]
    moved = [name for name in bounds if inspect(row).attrs[name].history.has_changes()]
    if is_whole or any(
        inspect(row).attrs[name].history.has_changes() for name in (person, *OTHERS[table])
    ):
        moved = list(bounds)
    for name in moved:
        for on in _values(row, name):
            for person_id in _values(row, person):
                yield table.__tablename__, person_id, on or date.max


def _values(row: Any, name: str) -> set[Any]:
    """What the column is, and what it was before the flush."""
    history = inspect(row).attrs[name].history
    return {*history.added, *history.deleted, getattr(row, name)}
