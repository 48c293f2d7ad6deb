"""The results that a weekly or monthly digest reports (PROJECTS 7)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.periods import Period, PeriodKind
from crm.base.value_class import value_class
from crm.targets.month_queries import month_table, results
from crm.targets.months import MonthTable, Result


@value_class
class ResultFacts:
    """What was reached in the period, in the one before, and in the year up to its end."""

    now: Sequence[Result]
    before: Sequence[Result]
    year: Sequence[Result]
    table: MonthTable | None  # of a month, with what was decided on earlier ones

    @property
    def late(self) -> tuple[Result, ...]:
        """What was recognised or revoked in the month of results of frozen ones."""
        return (*self.table.recognised_later, *self.table.revoked_later) if self.table else ()


def result_facts(db: Session, period: Period, at: datetime) -> ResultFacts:
    """The results as found at the moment; those of a frozen month as they were written."""
    year = Period.holding(PeriodKind.YEAR, period.last)
    # in January the period before lies in the year before
    first = min(year.first, period.before.first)
    found = results(db, first=first, last=period.last, at=at)
    of_year = [row for row in found if row.counted_on in year]
    if period.kind is PeriodKind.MONTH:
        table = month_table(db, period, at=at)
        before = month_table(db, period.before, at=at)
        return ResultFacts(table.own, before.own, of_year, table)

    now, earlier = (
        [row for row in found if row.counted_on in span] for span in (period, period.before)
    )
    return ResultFacts(now, earlier, of_year, None)
