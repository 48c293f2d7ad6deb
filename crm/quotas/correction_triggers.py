"""Sees each edit of what figures rest on by its audit entry, and corrects before it commits.

Every change of a visit, a posting, an absence or the calendar writes its entry in its own
transaction; so whatever edge it comes from, no frozen figure is contradicted without a correction
(REGIME 4).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import event, func, select
from sqlalchemy.orm import Session, object_session

from crm.base.audit import AuditEntry
from crm.base.db import batches
from crm.people.models import Absence, Person, Posting
from crm.quotas.corrections import Touch, correct
from crm.quotas.locks import hold_freezes
from crm.quotas.models import FigureRecord, WorkdayOverride
from crm.visits.models import Visit, VisitParticipant

SEEN = "edits of what figures rest on"  # where a session keeps them until it commits
SPELLS = {table.__tablename__: table for table in (Posting, Absence)}
CALENDAR = WorkdayOverride.__tablename__
WATCHED = {Visit.__tablename__, CALENDAR, *SPELLS}
WHY = {
    "visit.logged": "补录拜访",
    "visit.done": "拜访登记完成",
    "visit.moved": "拜访改期",
    "visit.cancelled": "取消拜访",
    "visit.confirmed": "确认补录的拜访",
    "visit.rejected": "退回拜访",
    "visit.left": "同行人说明未参加",
    "visit.imported": "导入拜访",
    "absence.approved": "批准请假",
    "absence.shortened": "缩短请假",
    "absence.cancelled": "取消请假",
    "posting.added": "新增任职",
    "posting.removed": "删除任职",
    "calendar.set": "调整工作日历",
    "calendar.taken_back": "撤回工作日历的调整",
    "calendar.imported": "导入放假安排",
}
ELSE = {
    Visit: "修改拜访",
    Posting: "任职变更",
    Absence: "请假变更",
    WorkdayOverride: "工作日历变更",
}
BOUNDS = frozenset({"from_on", "to_on"})
SPANS = BOUNDS | {"from", "to"}  # what entries of a posting or absence call its dates


@event.listens_for(AuditEntry, "after_insert")
def _see(_mapper: object, _connection: object, entry: AuditEntry) -> None:
    session = object_session(entry)
    if session is not None and entry.subject in WATCHED:
        session.info.setdefault(SEEN, []).append(entry)


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(SEEN, None)


@event.listens_for(Session, "before_commit")
def _correct(session: Session) -> None:
    if session.in_nested_transaction():
        return  # only a savepoint: the transaction goes on
    settle(session)


def last_edit(db: Session, *, since: datetime) -> datetime | None:
    """When something that figures rest on was last edited after that moment; none where nothing."""
    query = select(func.max(AuditEntry.at)).where(
        AuditEntry.at > since, AuditEntry.subject.in_(WATCHED)
    )
    return db.scalar(query)


def settle(db: Session) -> int:
    """Make the corrections of what was edited so far, as the commit would; how many."""
    db.flush()
    entries = db.info.pop(SEEN, None)
    return settle_edits(db, entries) if entries else 0


def settle_edits(db: Session, entries: Sequence[AuditEntry]) -> int:
    """Add the corrections that these edits make necessary; how many."""
    hold_freezes(db)
    frozen = select(FigureRecord.id).where(FigureRecord.frozen_at.is_not(None)).limit(1)
    if db.scalar(frozen) is None:
        return 0
    return correct(db, list(touches(db, entries)), now=max(entry.at for entry in entries))


def touches(db: Session, entries: Iterable[AuditEntry]) -> Iterator[Touch]:
    """Whose figures of which dates the edits may have changed."""
    in_order = sorted(entries, key=lambda entry: (entry.subject, entry.id))
    for subject, some in groupby(in_order, key=lambda entry: entry.subject):
        for part in batches(list(some)):
            if subject == Visit.__tablename__:
                yield from _of_visits(db, part)
            elif subject == CALENDAR:
                yield from _of_dates(db, part)
            else:
                yield from _of_spells(db, SPELLS[subject], part)


def _of_visits(db: Session, entries: Sequence[AuditEntry]) -> Iterator[Touch]:
    """Of everybody who leads or led, joins or joined the visit, on its dates then and now."""
    ids = {entry.subject_id for entry in entries}
    columns = (Visit.id, Visit.ref, Visit.leader_id, Visit.first_on, Visit.last_on)
    visits = {row.id: row for row in db.execute(select(*columns).where(Visit.id.in_(ids)))}
    joined = select(VisitParticipant.visit_id, VisitParticipant.person_id)
    people: dict[int, set[int]] = {row.id: {row.leader_id} for row in visits.values()}
    for visit_id, person_id in db.execute(joined.where(VisitParticipant.visit_id.in_(ids))):
        people[visit_id].add(person_id)

    for entry in entries:
        visit, before = visits[entry.subject_id], _said(entry.before)
        concerned = people[visit.id] | set(before.get("participant_ids", ()))
        concerned |= {before["leader_id"]} if "leader_id" in before else set()
        dates = [visit.first_on, visit.last_on, *_dates(before, ("first_on", "last_on"))]
        for person_id in sorted(concerned):
            yield _touch(entry, person_id, dates, f"{_why(entry, Visit)} {visit.ref}")


def _of_spells(
    db: Session, table: type[Posting | Absence], entries: Sequence[AuditEntry]
) -> Iterator[Touch]:
    """Of the person, on the dates of the posting or absence; of a moved bound, those between."""
    rows = {
        row.id: row
        for row in db.execute(
            select(table.id, table.person_id, table.from_on, table.to_on).where(
                table.id.in_({entry.subject_id for entry in entries})
            )
        )
    }

    for entry in entries:
        row, before, after = rows.get(entry.subject_id), _said(entry.before), _said(entry.after)
        person_id = row.person_id if row else _person_of(db, before)
        if person_id is None:
            continue

        dates = _dates(before, SPANS) + _dates(after, SPANS)
        if row and not (before and before.keys() <= BOUNDS):
            dates += [row.from_on, row.to_on or date.max]

        yield _touch(entry, person_id, dates or [date.min, date.max], _why(entry, table))


def _of_dates(db: Session, entries: Sequence[AuditEntry]) -> Iterator[Touch]:
    """Of everybody whose frozen figures hold a date that became, or no longer is, a working day."""
    for entry in entries:
        said = _said(entry.after)
        for on in map(date.fromisoformat, [*said["workdays"], *said["rest_days"]]):
            people = select(FigureRecord.person_id).where(
                FigureRecord.frozen_at.is_not(None),
                FigureRecord.first_on <= on,
                FigureRecord.last_on >= on,
            )
            for person_id in db.scalars(people.distinct().order_by(FigureRecord.person_id)):
                yield _touch(entry, person_id, [on], _why(entry, WorkdayOverride))


def _person_of(db: Session, before: Mapping[str, Any]) -> int | None:
    """Whose it was, of a row that is gone."""
    if "person_id" in before:
        return int(before["person_id"])
    return db.scalar(select(Person.id).where(Person.username == before.get("person")))


def _touch(entry: AuditEntry, person_id: int, dates: Sequence[date], why: str) -> Touch:
    return Touch(person_id, min(dates), max(dates), entry.by_id, why, entry.id)


def _why(entry: AuditEntry, table: type[Visit | Posting | Absence | WorkdayOverride]) -> str:
    """The reason that was given, else what was done, in a few words."""
    done = WHY.get(entry.action, ELSE[table])
    reason = _said(entry.after).get("reason")
    return f"{done}（{reason}）" if reason else done


def _said(text: str | None) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(text) if text else {}
    return said


def _dates(said: Mapping[str, Any], names: Iterable[str]) -> list[date]:
    """The dates among these values; an open last date has no end."""
    found = []
    for name in names:
        if name in said:
            value = said[name]
            if value is None and name in ("to_on", "to"):
                found.append(date.max)
            elif value is not None:
                found.append(date.fromisoformat(value))
    return found
