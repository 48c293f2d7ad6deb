"""Amounts as people in the zone write them (REGIME 6)."""

from decimal import Decimal

import pytest

from crm.base.money import Currency, editable_amount, format_amount, parse_amount


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
        ("99990000", Currency.USD, "9,999万美元"),
        ("100000000", Currency.USD, "1亿美元"),
        ("1250000000", Currency.HKD, "12.5亿港元"),
        ("-150000000", Currency.CNY, "-1.5亿元"),
    ],
)
def test_an_amount_is_written_in_the_units_of_its_currency(amount, currency, words):
    assert format_amount(Decimal(amount), currency) == words


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("12.5亿", "1250000000", Currency.CNY),
        ("12.5 亿元", "1250000000", Currency.CNY),
        ("8000万", "80000000", Currency.CNY),
        ("8，000万美元", "80000000", Currency.USD),
        ("3000万 usd", "30000000", Currency.USD),
        ("１.2亿人民币", "120000000", Currency.CNY),
        ("500000元", "500000", Currency.CNY),
        ("2亿港币", "200000000", Currency.HKD),
    ],
)
def test_what_people_write_is_understood(text, amount, currency):
    assert parse_amount(text) == (Decimal(amount), currency)


@pytest.mark.parametrize("text", ["12", "约12亿", "12亿卢布", "-1亿", "亿元", "1.2.3亿", "NaN万"])
def test_what_is_not_an_amount_with_its_unit_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_amount(text)


@pytest.mark.parametrize("amount", ["1250000000", "123456789012.34", "80000000", "0.5", "0"])
@pytest.mark.parametrize("currency", Currency)
def test_what_a_form_shows_is_parsed_back_exactly(amount, currency):
    assert parse_amount(editable_amount(Decimal(amount), currency)) == (Decimal(amount), currency)
