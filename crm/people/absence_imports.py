"""Absences from a file, approved as they come in: all of it or nothing."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.cells import Cells, Day, LineOrEmpty, Username, one_of, read_rows
from crm.base.errors import Refused
from crm.base.sheets import Column, ImportResult, Source, read_sheet
from crm.base.usernames import ByUsername
from crm.people import service
from crm.people.models import Absence, Person
from crm.people.permissions import Viewer, visible_to
from crm.people.rules import AbsenceKind, AbsenceStatus

ABSENCES = (
    Column("username", "账号", "zhaomou"),
    Column("from", "开始日期", "2026-07-06"),
    Column("to", "结束日期", "2026-07-10"),
    Column("reason", "事由", "年休假"),
    Column("kind", "类别", AbsenceKind.LEAVE.label, optional=True),
)


class AbsenceRow(Cells):
    """One absence, approved by whoever imports it."""

    username: Username
    from_on: Day = Field(alias="from")
    to_on: Day = Field(alias="to")
    reason: LineOrEmpty
    kind: Annotated[AbsenceKind | None, one_of(AbsenceKind)] = None


def import_absences(
    db: Session, *, content: Source, by: Person | None, now: datetime
) -> ImportResult:
    """Add the absences of a file as approved; one there already stays; raises `SheetRefused`."""
    sheet = read_sheet(content, ABSENCES)
    people = ByUsername((person.username, person) for person in db.scalars(select(Person)))
    existing = _absences(db)
    outcome = ImportResult(notices=sheet.notices)

    for line, row in read_rows(sheet, AbsenceRow):
        try:
            person = _known(people, row.username)
            # REGIME 2: imported absences are approved, of kind `leave` when left out
            kind = row.kind or AbsenceKind.LEAVE
            values = (row.from_on, row.to_on, kind, row.reason)
            if (person.id, *values) in existing:
                outcome.note(line, is_new=False)
                continue
            _add_absence(db, person, values, by=by, now=now)
            # a row that the file repeats is the same absence
            existing.add((person.id, *values))
            outcome.note(line, is_new=True)
        except Refused as why:
            sheet.add_problem(line, why)

    sheet.raise_problems()

    return outcome


def absence_rows(db: Session, viewer: Viewer | None, on: date) -> list[dict[str, object]]:
    """The approved absences of whom the viewer may see, as the import reads them again."""
    query = (
        select(Absence, Person.username)
        .join(Person, Person.id == Absence.person_id)
        .where(Absence.status == AbsenceStatus.APPROVED)
        .order_by(Absence.from_on, Absence.id)
    )
    if viewer:
        query = query.where(Person.id.in_(visible_to(viewer, on).with_only_columns(Person.id)))
    return [
        {
            "username": username,
            "from": row.from_on,
            "to": row.to_on,
            "reason": row.reason,
            "kind": row.kind,
        }
        for row, username in db.execute(query)
    ]


def _absences(db: Session) -> set[tuple[int, date, date, AbsenceKind, str]]:
    """The approved absences that are there, as what makes one the same as another."""
    keys = select(
        Absence.person_id, Absence.from_on, Absence.to_on, Absence.kind, Absence.reason
    ).where(Absence.status == AbsenceStatus.APPROVED)
    return {(who, first, last, kind, why) for who, first, last, kind, why in db.execute(keys)}


def _known(people: Mapping[str, Person], username: str) -> Person:
    if username not in people:
        raise Refused("unknown_username", field="username", username=username)
    return people[username]


def _add_absence(
    db: Session,
    person: Person,
    values: tuple[date, date, AbsenceKind, str],
    *,
    by: Person | None,
    now: datetime,
) -> None:
    if by and person.id == by.id:
        raise Refused("own_absence_in_file", field="username")
    from_on, to_on, kind, reason = values
    service.add_absence(
        db, person=person, from_on=from_on, to_on=to_on, kind=kind, reason=reason, by=by, now=now
    )
