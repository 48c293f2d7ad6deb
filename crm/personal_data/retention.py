"""The zone's periods of keeping: read, and changed by admins."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.errors import Refused
from crm.people.models import Person
from crm.people.rules import Role
from crm.personal_data.models import RetentionPeriod
from crm.personal_data.retention_rules import DEFAULT_MONTHS, MOST_MONTHS, Kept

Periods = Mapping[Kept, int | None]


def retention_periods(db: Session) -> Periods:
    """Months by kind; none: kept as long as the record itself."""
    changed = {row.kind: row.months for row in db.scalars(select(RetentionPeriod))}
    return {kind: changed.get(kind, DEFAULT_MONTHS[kind]) for kind in Kept}


def period_row(db: Session, kind: Kept) -> RetentionPeriod:
    """The row of the kind, which entries of the trail are about; made where there is none."""
    row = db.scalar(select(RetentionPeriod).where(RetentionPeriod.kind == kind))
    if row is None:
        row = RetentionPeriod(kind=kind, months=DEFAULT_MONTHS[kind])
        db.add(row)
        db.flush()
    return row


def set_retention(db: Session, periods: Periods, *, by: Person, now: datetime) -> bool:
    """Change the periods; whether any is another. Refused as `not_yours`, `bad_months`."""
    if by.role is not Role.ADMIN:
        raise Refused("not_yours")
    held = retention_periods(db)
    other = {kind: months for kind, months in periods.items() if months != held[kind]}

    for kind, months in other.items():
        if months is not None and not 1 <= months <= MOST_MONTHS:
            raise Refused("bad_months", field=kind.value, most=MOST_MONTHS)
        row = period_row(db, kind)
        row.months = months
        before, after = {"months": held[kind]}, {"months": months}
        record(db, "retention.changed", row, by=by, at=now, before=before, after=after)
    return bool(other)
