"""Amounts as people in the zone write them (REGIME 6)."""

from decimal import Decimal

import pytest

from crm.base.money import Currency, spoken


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("1000000000", Currency.CNY, "10亿元"),
        ("1250000000", Currency.CNY, "12.5亿元"),
        ("123456789012", Currency.CNY, "1,234.5679亿元"),
        ("99990000", Currency.CNY, "9,999万元"),
        ("9999.5", Currency.CNY, "9,999.5元"),
        ("0", Currency.CNY, "0元"),
        ("80000000", Currency.USD, "8,000万美元"),
        ("30000000", Currency.USD, "3,000万美元"),
        ("-150000000", Currency.CNY, "-1.5亿元"),
    ],
)
def test_an_amount_is_told_in_the_units_of_its_currency(amount, currency, words):
    assert spoken(Decimal(amount), currency) == words
