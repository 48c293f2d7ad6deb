"""Sums of money that arrived (PROJECTS 8)."""

from datetime import date
from decimal import Decimal

from crm.results.money import MoneyFact, MoneySum, sums, total
from crm.results.receipt_rules import Line

ON = date(2026, 10, 28)


def fact(amount, line=Line.DOMESTIC, on=ON, unit_id=1):
    counted = None if amount is None else Decimal(amount)
    return MoneyFact(1, 1, line, 1, on, counted, unit_id, None)


def test_the_two_lines_are_never_added():
    assert total([fact(300), fact(20, Line.FOREIGN)]) == MoneySum(Decimal(300), Decimal(20))


def test_what_lacks_a_rate_is_counted_apart():
    assert total([fact(300), fact(None), fact(None, Line.FOREIGN)]) == MoneySum(Decimal(300), 0, 2)


def test_a_reversal_takes_from_its_own_month():
    facts = [fact(300), fact(-100, on=date(2026, 11, 2))]

    assert sums(facts, lambda fact: fact.on.month) == {
        10: MoneySum(Decimal(300)),
        11: MoneySum(Decimal(-100)),
    }
