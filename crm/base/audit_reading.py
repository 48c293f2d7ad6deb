"""Reading the audit trail page by page, narrowed to a person, an action, a subject, some dates."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from crm.base.audit_entries import AuditEntry
from crm.base.clock import at_civil
from crm.base.paging import PAGE, Page, page_of
from crm.base.periods import DAY
from crm.base.value_class import value_class


@value_class
class AuditFilter:
    """Filters of the list; the defaults filter nothing."""

    by_id: int | None = None
    action: str | None = None
    subject: str | None = None
    subject_id: int | None = None
    first: date | None = None
    last: date | None = None


def entries_page(
    db: Session, by: AuditFilter, *, cursor: str | None = None, size: int = PAGE
) -> Page[AuditEntry]:
    """A page of entries, the latest first."""
    query, at = _entries(by), AuditEntry.at
    return page_of(db, query, on=at, row_id=AuditEntry.id, cursor=cursor, size=size)


def latest_entries(db: Session, by: AuditFilter, *, most: int) -> Sequence[AuditEntry]:
    """So many entries at most, the latest first."""
    latest = _entries(by).order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
    return db.scalars(latest.limit(most)).all()


def _entries(by: AuditFilter) -> Select[AuditEntry]:
    query = select(AuditEntry)

    for column, value in (
        (AuditEntry.by_id, by.by_id),
        (AuditEntry.action, by.action),
        (AuditEntry.subject, by.subject),
        (AuditEntry.subject_id, by.subject_id),
    ):
        if value is not None:
            query = query.where(column == value)

    if by.first:
        query = query.where(AuditEntry.at >= at_civil(by.first))

    if by.last:
        # up to the end of that day, in civil time
        query = query.where(AuditEntry.at < at_civil(by.last + DAY))

    return query


def has_changed(db: Session, subjects: Collection[str], *, since: datetime) -> bool:
    """Whether anything of these kinds has changed after that moment."""
    later = select(AuditEntry.id).where(AuditEntry.at > since, AuditEntry.subject.in_(subjects))
    return db.scalar(later.limit(1)) is not None


def values_of_entries(
    db: Session, subject: str, subject_ids: Collection[int]
) -> Sequence[Row[int, str | None, str | None]]:
    """The values before and after each change of these rows."""
    query = select(AuditEntry.subject_id, AuditEntry.before, AuditEntry.after).where(
        AuditEntry.subject == subject, AuditEntry.subject_id.in_(subject_ids)
    )
    return db.execute(query).all()
