"""Leaders' comments on a settled month (月点评): drafted, released, read by the units below."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import at_civil, civil_date
from crm.base.errors import Refused
from crm.base.periods import Period, PeriodKind
from crm.base.value_class import value_class
from crm.digests.models import MonthlyComment
from crm.digests.rules import day_of_freeze
from crm.people.models import Person, Unit
from crm.people.permissions import viewer
from crm.people.queries import UnitNode, primary_posting, unit_tree, units_above
from crm.people.rules import Role
from crm.quotas.models import FigureRecord
from crm.quotas.queries import working_calendar

LONGEST = 1000


@value_class
class Comment:
    """A released comment."""

    unit_id: int
    unit_name: str
    by_id: int
    author: str
    text: str
    at: datetime


def comments(db: Session, month: Period, *, at: datetime) -> list[Comment]:
    """The comments on the month released by then, higher units first, then the earlier."""
    rows = db.execute(
        select(MonthlyComment, Unit.name, Person.name)
        .join(Unit, Unit.id == MonthlyComment.unit_id)
        .join(Person, Person.id == MonthlyComment.by_id)
        .where(MonthlyComment.month == month.name, MonthlyComment.released_at <= at)
        .order_by(MonthlyComment.released_at, MonthlyComment.id)
    ).all()
    if not rows:
        return []

    unit_order = {node.unit.id: place for place, node in enumerate(unit_tree(db))}
    released = [
        Comment(row.unit_id, unit_name, row.by_id, author, row.text, row.released_at or row.at)
        for row, unit_name, author in rows
    ]

    return sorted(released, key=lambda comment: (unit_order[comment.unit_id], comment.at))


def comments_for(
    db: Session, person: Person, released: Sequence[Comment], *, at: datetime
) -> list[Comment]:
    """Those of the comments that the person may read: of their own units and of units above."""
    if not released:
        return []
    reader = viewer(db, person, civil_date(at))
    posting = primary_posting(db, person.id, civil_date(at))
    own_units = reader.unit_ids | ({posting.unit_id} if posting else frozenset())
    # a leader's comment is for the unit and all below it, so one reads those from above
    above = units_over(unit_tree(db), own_units)
    return [comment for comment in released if comment.unit_id in above]


def units_over(tree: Sequence[UnitNode], unit_ids: Collection[int]) -> frozenset[int]:
    """The highest of the units, and all units above them."""
    highest = [
        node.unit.id
        for node in tree
        if node.unit.id in unit_ids and node.unit.parent_id not in unit_ids
    ]
    return frozenset(above for unit_id in highest for above in units_above(tree, unit_id))


def draft_of(db: Session, person: Person, month: Period) -> MonthlyComment | None:
    """The person's comment on the month that is not released yet."""
    query = select(MonthlyComment).where(
        MonthlyComment.month == month.name,
        MonthlyComment.by_id == person.id,
        MonthlyComment.released_at.is_(None),
    )
    return db.scalars(query.order_by(MonthlyComment.id.desc()).limit(1)).first()


def released_by(db: Session, person: Person, month: Period, *, at: datetime) -> list[Comment]:
    return [comment for comment in comments(db, month, at=at) if comment.by_id == person.id]


def settles_at(db: Session, month: Period) -> datetime:
    """The moment at which the figures of the month are frozen."""
    return at_civil(day_of_freeze(working_calendar(db), month.last))


def is_settled(db: Session, month: Period, now: datetime) -> bool:
    """Whether the month's figures are frozen; those of months before the installation never are."""
    if now < settles_at(db, month):
        return False
    frozen = select(FigureRecord.id).where(
        FigureRecord.last_on >= month.first,
        FigureRecord.last_on <= month.last,
        FigureRecord.frozen_at <= now,
    )
    return db.scalar(frozen.limit(1)) is not None


def save_comment(
    db: Session, *, month: Period, text: str, by: Person, now: datetime
) -> MonthlyComment:
    """Store a draft on a settled month, for the author's unit and all below it.

    Refused as `not_yours`, `not_settled`, `required`, `text_too_long`.
    """
    unit_id = _unit_of(db, by, now)
    if by.role is not Role.LEADER or unit_id is None or month.kind is not PeriodKind.MONTH:
        raise Refused("not_yours")
    if not is_settled(db, month, now):
        raise Refused("not_settled", field="text")
    if not text.strip():
        raise Refused("required", field="text")
    if len(text) > LONGEST:
        raise Refused("text_too_long", field="text", longest=LONGEST)

    values = {"unit_id": unit_id, "text": text.strip()}

    if row := draft_of(db, by, month):
        before, after = changes(row, values)
        row.at = now
    else:
        before, after = {}, {"month": month.name, **values}
        row = MonthlyComment(month=month.name, **values, by_id=by.id, at=now)
        db.add(row)

    if after:
        record(db, "comment.drafted", row, by=by, at=now, before=before or None, after=after)

    return row


def release_comment(
    db: Session, *, month: Period, text: str, by: Person, now: datetime
) -> MonthlyComment:
    """Release the comment; from now on it can be read and not changed. Refused as `save_comment`.

    A second release of the same text changes nothing.
    """
    # A double click must not release twice.
    same = select(MonthlyComment).where(
        MonthlyComment.month == month.name,
        MonthlyComment.by_id == by.id,
        MonthlyComment.text == text.strip(),
        MonthlyComment.released_at.is_not(None),
    )
    if earlier := db.scalars(same).first():
        return earlier

    row = save_comment(db, month=month, text=text, by=by, now=now)
    row.at = row.released_at = now
    record(db, "comment.released", row, by=by, at=now, after={"released_at": now})

    return row


def _unit_of(db: Session, person: Person, now: datetime) -> int | None:
    """The unit of the primary posting, else the highest of the scope."""
    on = civil_date(now)
    if posting := primary_posting(db, person.id, on):
        return posting.unit_id
    unit_ids = viewer(db, person, on).unit_ids
    return next((node.unit.id for node in unit_tree(db) if node.unit.id in unit_ids), None)
