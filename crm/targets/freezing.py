"""The results of a month are frozen with its figures (PROJECTS 7)."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.errors import Refused
from crm.base.periods import Period, PeriodKind
from crm.targets.models import FrozenResult, ResultMonth
from crm.targets.month_queries import month_table, recognition_began_on


def freeze_results(db: Session, *, period: Period, at: datetime) -> int:
    """Write down what the month counts, once; how many rows.

    Months that ended before recognition began are told as the records have them now.
    """
    known = select(ResultMonth.id).where(ResultMonth.month == period.name)
    is_month = period.kind is PeriodKind.MONTH
    if not is_month or period.last < recognition_began_on(db) or db.scalar(known) is not None:
        return 0

    table = month_table(db, period, at=at)
    month = ResultMonth(month=period.name, frozen_at=at)
    db.add(month)
    db.flush()
    db.add_all(FrozenResult(month_id=month.id, **asdict(row)) for row in table.rows)
    after = {"frozen_period": period.name, "count": len(table.rows)}
    record(db, "result_month.frozen", month, by=None, at=at, after=after)
    return len(table.rows)


def require_no_later_table(db: Session, lead_id: int, since: datetime) -> None:
    """Refuse to part a project that stands as one in a table frozen since (PROJECTS 6)."""
    query = (
        select(ResultMonth.month)
        .join(FrozenResult, FrozenResult.month_id == ResultMonth.id)
        .where(FrozenResult.lead_id == lead_id, ResultMonth.frozen_at > since)
        .distinct()
        .order_by(ResultMonth.month)
    )
    if months := db.scalars(query).all():
        firsts = (Period.parse(name).first for name in months)
        names = "、".join(f"{on.year}年{on.month}月" for on in firsts)
        raise Refused("in_frozen_table", months=names)
