"""On what the figures of a period rest, in the words that every page, mail and file uses."""

from dataclasses import replace
from datetime import date

import pytest

from crm.base.clock import at_civil
from crm.base.periods import Period
from crm.quotas.rules import FigureBasis, Settled, basis_of
from tests.quotas.values import DEPUTY, judge

MAY, JUNE, WEEK = (Period.parse(name) for name in ("2026-05", "2026-06", "2026-W23"))
FROZEN = Settled(at_civil(date(2026, 7, 6)), None)


def of(period, settled=None):
    return replace(judge(DEPUTY, period=period), settled=settled)


@pytest.mark.parametrize(
    ("figures", "period", "since", "basis"),
    [
        ([of(JUNE)], JUNE, date(2026, 1, 1), FigureBasis.PRELIMINARY),
        ([], JUNE, date(2026, 1, 1), FigureBasis.PRELIMINARY),
        ([of(JUNE, FROZEN)], JUNE, date(2026, 1, 1), FigureBasis.SETTLED),
        ([of(JUNE, FROZEN), of(JUNE)], JUNE, date(2026, 1, 1), FigureBasis.PRELIMINARY),
        ([of(MAY)], MAY, date(2026, 6, 1), FigureBasis.RETRACED),
        ([], MAY, date(2026, 6, 1), FigureBasis.RETRACED),
        ([of(MAY)], MAY, date(2026, 5, 31), FigureBasis.PRELIMINARY),
        # a week of the month that was over when the clock began is never frozen
        ([of(WEEK), of(JUNE, FROZEN)], JUNE, date(2026, 6, 8), FigureBasis.SETTLED),
    ],
)
def test_figures_are_preliminary_settled_or_retraced(figures, period, since, basis):
    assert basis_of(figures, period, since) is basis
