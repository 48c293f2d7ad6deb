"""The month, the rate and the questions of a receipt of money (PROJECTS 8)."""

from datetime import date
from decimal import Decimal

import pytest

from crm.base.errors import Refused
from crm.base.money import Currency
from crm.base.workdays import WorkingCalendar
from crm.results.receipt_rules import (
    Doubt,
    Line,
    ReceiptFacts,
    check_reversal,
    counted_amount,
    counting,
    doubts,
    rates_needed,
)

CALENDAR = WorkingCalendar()
OCTOBER = date(2026, 10, 28)
DECEMBER = date(2025, 12, 28)  # 1 and 2 January 2026 are free, 4 January is worked
PLAIN = {
    "amount": Decimal(30_000_000),
    "currency": Currency.CNY,
    "line": Line.DOMESTIC,
    "arrived_on": OCTOBER,
    "received": Decimal(0),
    "total": Decimal(100_000_000),
    "signed_on": date(2026, 3, 1),
    "has_twin": False,
    "is_foreign": False,
}


@pytest.mark.parametrize(
    ("arrived_on", "claimed_on", "counts_on", "mark"),
    [
        # the example: the third working day of November 2026 is the 4th
        (OCTOBER, date(2026, 10, 28), OCTOBER, ""),
        (OCTOBER, date(2026, 11, 4), OCTOBER, ""),
        (OCTOBER, date(2026, 11, 5), date(2026, 11, 5), "补报10月"),
        (OCTOBER, date(2027, 2, 9), date(2027, 2, 9), "补报2026年10月"),
        (OCTOBER, date(2027, 10, 28), date(2027, 10, 28), "补报2026年10月"),
        (DECEMBER, date(2026, 1, 6), DECEMBER, ""),
        (DECEMBER, date(2026, 1, 7), DECEMBER, "补报"),
        (DECEMBER, date(2026, 1, 31), DECEMBER, "补报"),
        (DECEMBER, date(2026, 2, 1), date(2026, 1, 1), "上年结转"),
        (DECEMBER, date(2026, 12, 28), date(2026, 1, 1), "上年结转"),
    ],
)
def test_a_receipt_counts_in_its_month_if_claimed_by_the_third_working_day_of_the_next(
    arrived_on, claimed_on, counts_on, mark
):
    counted = counting(arrived_on, claimed_on, CALENDAR)

    assert (counted.on, counted.mark) == (counts_on, mark)


@pytest.mark.parametrize(
    ("arrived_on", "claimed_on"),
    [
        (OCTOBER, date(2027, 10, 29)),
        (DECEMBER, date(2026, 12, 29)),
        (date(2024, 2, 29), date(2025, 3, 1)),
    ],
)
def test_more_than_a_year_later_a_claim_is_refused(arrived_on, claimed_on):
    with pytest.raises(Refused, match="claimed_too_late"):
        counting(arrived_on, claimed_on, CALENDAR)


@pytest.mark.parametrize(
    ("line", "currency", "needed"),
    [
        (Line.DOMESTIC, Currency.CNY, ()),
        (Line.DOMESTIC, Currency.USD, (Currency.USD,)),
        (Line.FOREIGN, Currency.USD, ()),
        (Line.FOREIGN, Currency.CNY, (Currency.USD,)),
        (Line.FOREIGN, Currency.EUR, (Currency.EUR, Currency.USD)),
    ],
)
def test_a_rate_is_needed_only_for_what_is_not_in_the_currency_of_its_line(line, currency, needed):
    assert rates_needed(line, currency) == needed


@pytest.mark.parametrize(
    ("amount", "rate", "dollar_rate", "counted"),
    [
        (Decimal(100), None, None, Decimal(100)),
        (Decimal(1_000_000), Decimal("7.0832"), None, Decimal(7_083_200)),
        (Decimal(70_832_000), None, Decimal("7.0832"), Decimal(10_000_000)),
        (Decimal(-900), Decimal("8.1"), Decimal("7.2"), Decimal("-1012.50")),
    ],
)
def test_the_amount_is_taken_to_its_line_in_whole_cents(amount, rate, dollar_rate, counted):
    assert counted_amount(amount, rate, dollar_rate) == counted


def test_several_reversals_take_back_no_more_than_was_received():
    check_reversal(Decimal(400), received=Decimal(1000), reversed_before=Decimal(600))

    with pytest.raises(Refused, match="more_than_received"):
        check_reversal(Decimal(401), received=Decimal(1000), reversed_before=Decimal(600))


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({}, []),
        ({"received": Decimal(70_000_000)}, []),
        ({"received": Decimal(70_000_001)}, [Doubt.MORE_THAN_TOTAL]),
        ({"total": None, "received": Decimal(10**12)}, []),
        ({"has_twin": True}, [Doubt.SAME_RECEIPT]),
        ({"signed_on": date(2026, 10, 29)}, [Doubt.BEFORE_SIGNING]),
        ({"signed_on": None}, [Doubt.BEFORE_SIGNING]),
        ({"line": Line.FOREIGN}, [Doubt.NO_FOREIGN_INVESTOR]),
        ({"line": Line.FOREIGN, "is_foreign": True}, []),
    ],
)
def test_what_is_unlikely_is_asked(given, asked):
    assert doubts(ReceiptFacts(**PLAIN | given)) == asked
