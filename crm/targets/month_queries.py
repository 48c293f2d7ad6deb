"""The results of months: the frozen ones as they were written, the others as they stand."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil
from crm.base.periods import Period, PeriodKind
from crm.quotas.rules import FigureBasis
from crm.results.models import ClaimKindSpan
from crm.results.money_figures import counted_money
from crm.targets.models import FrozenResult, ResultMonth
from crm.targets.months import (
    Frozen,
    MonthTable,
    Result,
    result_of,
    result_of_money,
    results_of_month,
)
from crm.targets.queries import projects

_COLUMNS = (
    *(FrozenResult.metric, FrozenResult.lead_id, FrozenResult.receipt_id, FrozenResult.claim_id),
    *(FrozenResult.unit_id, FrozenResult.counted_on, FrozenResult.amount, FrozenResult.currency),
    *(FrozenResult.counted_amount, FrozenResult.registered, FrozenResult.waiting),
    FrozenResult.recognised,
)


def results(db: Session, *, first: date, last: date, at: datetime) -> list[Result]:
    """What counts between the dates, as found at the moment; money without a rate does not yet."""
    reached = projects(db, first=first, last=last, at=at)
    return [*map(result_of, reached), *money_results(db, first=first, last=last, at=at)]


def money_results(db: Session, *, first: date, last: date, at: datetime) -> list[Result]:
    """The money among them."""
    money = counted_money(db, first=first, last=last, at=at)
    return [result_of_money(fact) for fact in money if fact.amount is not None]


def month_tables(db: Session, year: int, *, until: date, at: datetime) -> list[MonthTable]:
    """The months of the year that have begun by the date, as found at the moment."""
    tables = frozen_tables(db, at)
    months = [
        month
        for number in range(1, 13)
        if (month := Period.holding(PeriodKind.MONTH, date(year, number, 1))).first <= until
    ]
    known = {table.month: table for table in tables}
    began_on, now = recognition_began_on(db), None
    found = []

    for month in months:
        if table := known.get(month):
            found.append(table)
            continue
        now = _standing(db, tables, months[-1], at) if now is None else now
        found.append(_live(db, month, tables, now, began_on, at))
    return found


def month_table(db: Session, month: Period, *, at: datetime) -> MonthTable:
    """The results of one month, as found at the moment."""
    tables = frozen_tables(db, at)
    if table := next((table for table in tables if table.month == month), None):
        return table
    earlier = [table for table in tables if table.month < month]
    now = _standing(db, earlier, month, at)
    return _live(db, month, earlier, now, recognition_began_on(db), at)


def frozen_tables(db: Session, at: datetime) -> list[MonthTable]:
    """The months that were frozen by the moment, the earliest first."""
    query = (
        select(ResultMonth.month, *_COLUMNS)
        .outerjoin(FrozenResult, FrozenResult.month_id == ResultMonth.id)
        .where(ResultMonth.frozen_at <= at)
        .order_by(ResultMonth.month, FrozenResult.id)
    )
    names = [column.key for column in _COLUMNS]
    found = []
    for name, rows in groupby(db.execute(query), key=lambda row: row[0]):
        values = [dict(zip(names, row[1:], strict=True)) for row in rows]
        of_month = tuple(Result(**row) for row in values if row["metric"])
        found.append(MonthTable(Period.parse(name), of_month, FigureBasis.SETTLED))
    return found


def recognition_began_on(db: Session) -> date:
    """The date of the installation or upgrade, from which results are recognised."""
    return db.scalar(select(func.min(ClaimKindSpan.from_on))) or date.max


def _standing(
    db: Session, tables: Sequence[MonthTable], month: Period, at: datetime
) -> list[Result]:
    """All that counts up to the end of the month, from the first frozen year on."""
    year = min([month.first.year, *(table.month.first.year for table in tables)])
    return results(db, first=date(year, 1, 1), last=month.last, at=at)


def _live(  # noqa: PLR0913, PLR0917 - what is read once for several months
    db: Session,
    month: Period,
    tables: Sequence[MonthTable],
    now: Sequence[Result],
    began_on: date,
    at: datetime,
) -> MonthTable:
    earlier = [table for table in tables if table.month < month]
    # PROJECTS 7: a decision counts in its own month, also where the month before is not frozen yet
    end = at_civil(month.after.first) - timedelta(microseconds=1)
    before = now if at <= end or not earlier else _standing(db, earlier, month, end)
    frozen = Frozen(
        [table.month for table in earlier], [row for table in earlier for row in table.rows]
    )

    rows = results_of_month(month, own=now, earlier=before, frozen=frozen)
    basis = FigureBasis.RETRACED if month.last < began_on else FigureBasis.PRELIMINARY
    return MonthTable(month, tuple(rows), basis)
