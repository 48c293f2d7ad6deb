"""Results and shares of signed projects in words, as pages, digests and files print them."""

from collections.abc import Iterator
from decimal import Decimal

from crm.base.money import Currency, format_amount
from crm.base.value_class import value_class
from crm.targets.in_hand import InHand
from crm.targets.money_share import MoneyShare
from crm.targets.months import Amounts, Sum, Tally
from crm.targets.rules import OF_MONEY, Fulfilment, TargetProgress


@value_class
class Share:
    """A share of the signed projects with what it rests on."""

    name: str
    percent: Decimal | None  # none: nothing is recognised in yuan
    base: str

    @property
    def text(self) -> str:
        """「履约率 33.3%（本年认定签约 3 个，…）」."""
        return f"{self.name} {'—' if self.percent is None else f'{self.percent}%'}（{self.base}）"


def shares(progress: TargetProgress) -> tuple[Share, ...]:
    """Both shares of a target's units; none without a signed project (PROJECTS 7)."""
    fulfilment, money = progress.fulfilment, progress.money_share
    if not money.signed:
        return ()
    return (
        Share("履约率", fulfilment.percent, _fulfilment_base(fulfilment)),
        Share("资金到位率", money.percent, _money_base(money)),
    )


def _fulfilment_base(part: Fulfilment) -> str:
    return f"本年认定签约 {part.signed} 个，其中认定开工 {part.started} 个，含按登记计入的"


def _money_base(part: MoneyShare) -> str:
    """The amounts, and what is left out of them."""
    base = (
        f"本年认定签约 {part.signed} 个，人民币认定额 {format_amount(part.amount)}，"
        f"累计到位 {format_amount(part.arrived)}，含按登记计入的"
    )
    beside = "，".join(_beside(part))
    return f"{base}；{beside}" if beside else base


def _beside(part: MoneyShare) -> Iterator[str]:
    if part.foreign:
        yield f"实际使用外资 {format_amount(part.foreign, Currency.USD)}单列"
    if part.other_amounts:
        amounts = "、".join(format_amount(*stated) for stated in part.other_amounts)
        yield f"外币认定额 {amounts}不计入"
    if part.without_amount:
        yield f"{part.without_amount} 个项目无认定额"
    if part.without_rate:
        yield f"{part.without_rate} 笔待补汇率未计入"


def in_hand_text(part: InHand) -> str:
    """The projects in hand with their investment: `18 个、671亿元`."""
    return "、".join(filter(None, (f"{part.count} 个", amounts_text(part.amounts))))


def three_figures(part: Tally) -> str:
    """The figures side by side: `登记 3 · 待认定 1 · 已认定 2 个、6亿元`."""
    if part.is_empty:
        return " 0" if part.metric in OF_MONEY else " 0 个"
    if part.metric in OF_MONEY:
        sums = (amounts_text(each.amounts) or "0" for each in _parts(part))
        return "登记 {} · 待认定 {} · 已认定 {}".format(*sums)
    counts = (each.count for each in _parts(part))
    beside = f"、{amounts_text(part.recognised.amounts)}" if part.recognised.amounts else ""
    return "登记 {} · 待认定 {} · 已认定 {} 个".format(*counts) + beside


def figures_in_cell(part: Tally) -> str:
    """The same without names: `3 · 1 · 2`."""
    if part.is_empty:
        return "—"
    if part.metric in OF_MONEY:
        return " · ".join(amounts_text(each.amounts) or "0" for each in _parts(part))
    return " · ".join(str(each.count) for each in _parts(part))


def _parts(part: Tally) -> tuple[Sum, Sum, Sum]:
    return part.registered, part.waiting, part.recognised


def amounts_text(sums: Amounts, between: str = "、") -> str:
    """Sums by currency, none of them converted."""
    return between.join(format_amount(amount, currency) for amount, currency in sums)
