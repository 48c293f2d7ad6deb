"""What leaders say of a month (月点评): written, and read by those whose units lie under it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.periods import Period, PeriodKind
from crm.digests.models import MonthlyComment
from crm.people.models import Person, Unit
from crm.people.queries import UnitNode, primary_posting, unit_tree, units_above, viewer
from crm.people.rules import Role

LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Comment:
    """What a leader said of a month, as it was last put."""

    unit_id: int
    unit_name: str
    by_id: int
    author: str
    text: str
    at: datetime


def comments(db: Session, month: Period, *, at: datetime) -> list[Comment]:
    """What each leader had said of the month by then, the latest of each, higher units first."""
    rows = db.execute(
        select(MonthlyComment, Unit.name, Person.name)
        .join(Unit, Unit.id == MonthlyComment.unit_id)
        .join(Person, Person.id == MonthlyComment.by_id)
        .where(MonthlyComment.month == month.name, MonthlyComment.at <= at)
        .order_by(MonthlyComment.id)
    ).all()
    latest = {
        (row.unit_id, row.by_id): Comment(
            row.unit_id, unit_name, row.by_id, author, row.text, row.at
        )
        for row, unit_name, author in rows
    }
    if not latest:
        return []
    place = {node.unit.id: number for number, node in enumerate(unit_tree(db))}
    return sorted(latest.values(), key=lambda one: (place[one.unit_id], one.at, one.by_id))


def comments_for(db: Session, person: Person, month: Period, *, at: datetime) -> list[Comment]:
    """What had been said by then that is for that person to read."""
    said = comments(db, month, at=at)
    if not said:
        return []
    eyes = viewer(db, person, civil_date(at))
    posting = primary_posting(db, person.id, civil_date(at))
    above = units_over(
        unit_tree(db), eyes.unit_ids | ({posting.unit_id} if posting else frozenset())
    )
    return [one for one in said if one.unit_id in above]


def units_over(tree: Sequence[UnitNode], unit_ids: Collection[int]) -> frozenset[int]:
    """The units that lie over all that belongs to someone: from their highest ones to the top."""
    highest = [
        one.unit.id
        for one in tree
        if one.unit.id in unit_ids and one.unit.parent_id not in unit_ids
    ]
    return frozenset(each for unit_id in highest for each in units_above(tree, unit_id))


def write_comment(
    db: Session, *, month: Period, text: str, by: Person, now: datetime
) -> MonthlyComment:
    """Say something of a month that has begun, for one's own unit and all below it.

    Refused as `not_yours`, `month_to_come`, `required`, `text_too_long`. What was said before is
    kept; digests that have gone out stay as they are.
    """
    on = civil_date(now)
    unit_id = _unit_of(db, by, now)
    if by.role is not Role.LEADER or unit_id is None or month.kind is not PeriodKind.MONTH:
        raise Refused("not_yours")
    if month.first > on:
        raise Refused("month_to_come", field="text")
    if not text.strip():
        raise Refused("required", field="text")
    if len(text) > LONGEST:
        raise Refused("text_too_long", field="text", longest=LONGEST)
    said = {"month": month.name, "unit_id": unit_id, "text": text.strip()}
    row = MonthlyComment(**said, by_id=by.id, at=now)
    db.add(row)
    record(db, "comment.written", row, by=by, at=now, after=said)
    return row


def comment_by(db: Session, person: Person, month: Period, *, at: datetime) -> Comment | None:
    """What that person last said of the month."""
    own = [one for one in comments(db, month, at=at) if one.by_id == person.id]
    return max(own, key=lambda one: one.at, default=None)


def _unit_of(db: Session, person: Person, now: datetime) -> int | None:
    """The unit of the primary posting, else the highest of the scope."""
    on = civil_date(now)
    if posting := primary_posting(db, person.id, on):
        return posting.unit_id
    seen = viewer(db, person, on).unit_ids
    return next((one.unit.id for one in unit_tree(db) if one.unit.id in seen), None)
