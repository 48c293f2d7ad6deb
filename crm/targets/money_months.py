"""Months whose money the list of receipts tells otherwise than the table of months. Pure.

A frozen month stays as it was written, and what is claimed late, recognised or revoked since
counts in the month of the decision (PROJECTS 7); the list tells each receipt as it stands now.
"""

from collections.abc import Iterable, Sequence

from crm.base.periods import Period
from crm.targets.months import Amounts, MonthTable, Result, Units, tally
from crm.targets.rules import Metric

MONEY = (Metric.MONEY, Metric.FOREIGN)


def months_apart(
    tables: Iterable[MonthTable], now: Sequence[Result], unit_ids: Units
) -> tuple[Period, ...]:
    """The months in which the money of these units differs from that of `now`."""
    return tuple(
        table.month
        for table in tables
        if _sums(table.own, unit_ids)
        != _sums([row for row in now if row.counted_on in table.month], unit_ids)
    )


def _sums(rows: Sequence[Result], unit_ids: Units) -> list[tuple[Amounts, Amounts]]:
    """What is registered and what is recognised, by line."""
    parts = [tally(rows, metric, unit_ids) for metric in MONEY]
    return [(part.registered.amounts, part.recognised.amounts) for part in parts]
