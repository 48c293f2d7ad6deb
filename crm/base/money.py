"""Amounts of investment: exact decimals, written as people in the zone write them."""

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeAlias

from crm.base.enums import LabeledEnum

WAN = Decimal(10_000)
YI = Decimal(100_000_000)


class Currency(LabeledEnum):
    """Currencies in which investors state an investment."""

    CNY = "CNY", "元"
    USD = "USD", "美元"
    EUR = "EUR", "欧元"
    HKD = "HKD", "港元"
    JPY = "JPY", "日元"


Stated: TypeAlias = tuple[Decimal, Currency]  # an amount as it was stated

_NAMES = {
    "": Currency.CNY,
    "人民币": Currency.CNY,
    "人民币元": Currency.CNY,
    "美金": Currency.USD,
    "港币": Currency.HKD,
    "日币": Currency.JPY,
}
_WRITTEN = re.compile(r"(\d[\d,]*(?:\.\d+)?)(亿|万)?(\D*)")


def _plain(value: Decimal) -> str:
    text = f"{value:,.4f}".rstrip("0").rstrip(".")
    return text or "0"


def format_amount(amount: Decimal, currency: Currency = Currency.CNY) -> str:
    """The amount in 亿 or 万 of its currency: `12.5亿元`, `1亿美元`, `8,000万美元` (PROJECTS 1)."""
    if abs(amount) >= YI:
        return f"{_plain(amount / YI)}亿{currency.label}"
    if abs(amount) >= WAN:
        return f"{_plain(amount / WAN)}万{currency.label}"
    return f"{_plain(amount)}{currency.label}"


def in_yuan(amount: Decimal, rate: Decimal) -> Decimal:
    """A foreign amount at that rate, in whole cents."""
    return (amount * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)


def editable_amount(amount: Decimal, currency: Currency) -> str:
    """The amount as a form shows it, so that `parse_amount` reads back the same value."""
    text = format_amount(amount, currency)
    return text if parse_amount(text)[0] == amount else f"{amount.normalize():f}{currency.label}"


def parse_amount(text: str) -> Stated:
    """Parse an amount as people write it: `12.5亿`, `8,000万美元`; ValueError without a unit."""
    found = _WRITTEN.fullmatch(unicodedata.normalize("NFKC", text).replace(" ", ""))
    if found is None:
        raise ValueError(text)
    figures, scale, name = found.groups()
    if not scale and not name:
        raise ValueError(text)  # 12 could mean 12亿 or 12万
    currency = _NAMES[name] if name in _NAMES else Currency.read(name.upper())
    return Decimal(figures.replace(",", "")) * {"亿": YI, "万": WAN}.get(scale, 1), currency
