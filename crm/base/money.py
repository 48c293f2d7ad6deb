"""Amounts of investment: exact decimals, written as people in the zone write them."""

from decimal import Decimal

from crm.base.words import Word

WAN = Decimal(10_000)
YI = Decimal(100_000_000)


class Currency(Word):
    """Currencies in which investors state an investment."""

    CNY = "CNY", "元"
    USD = "USD", "美元"
    EUR = "EUR", "欧元"
    HKD = "HKD", "港元"
    JPY = "JPY", "日元"


def _plain(value: Decimal) -> str:
    text = f"{value:,.4f}".rstrip("0").rstrip(".")
    return text or "0"


def spoken(amount: Decimal, currency: Currency = Currency.CNY) -> str:
    """The amount in 亿 or 万 of its currency: `12.5亿元`, `8,000万美元` (REGIME 6)."""
    if currency is Currency.CNY and abs(amount) >= YI:
        return f"{_plain(amount / YI)}亿{currency.label}"
    if abs(amount) >= WAN:
        return f"{_plain(amount / WAN)}万{currency.label}"
    return f"{_plain(amount)}{currency.label}"
